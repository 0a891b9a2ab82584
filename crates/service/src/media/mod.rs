//! Faces and other answers about one picture.
