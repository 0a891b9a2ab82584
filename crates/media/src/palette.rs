//! Colours for the classes of a segmentation: the colour map of PASCAL VOC, by the rule that its development kit describes
//! (Everingham et al., "The PASCAL Visual Object Classes Challenge 2012 Development Kit").

/// A colour for every class index, red, green, blue. All 256 differ; class 0 is black.
pub const CLASS_PALETTE: [[u8; 3]; 256] = palette();

/// The bits of the index are dealt out to red, green and blue in turn, and fill each from its highest bit down, so that
/// neighbours lie far apart.
const fn palette() -> [[u8; 3]; 256] {
    let mut colors = [[0; 3]; 256];
    let mut index = 0;
    while index < 256 {
        let mut bit = 0;
        while bit < 8 {
            if index >> bit & 1 == 1 {
                colors[index][bit % 3] |= 0x80 >> (bit / 3);
            }
            bit += 1;
        }
        index += 1;
    }
    colors
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_colours_are_those_of_voc_and_all_differ() {
        // Background, aeroplane, bicycle, bus, person, and the border that VOC masks carry.
        let cases = [(0, [0, 0, 0]), (1, [128, 0, 0]), (2, [0, 128, 0]), (6, [0, 128, 128]), (15, [192, 128, 128])];
        for (class, color) in cases {
            assert_eq!(CLASS_PALETTE[class], color);
        }
        assert_eq!(CLASS_PALETTE[255], [224, 224, 192]);
        let distinct: std::collections::BTreeSet<_> = CLASS_PALETTE.iter().collect();
        assert_eq!(distinct.len(), 256);
    }
}
