"""Training of the four segmentation networks `starter-segment-{fast,balanced,accurate,sota}` on drawn street scenes."""
