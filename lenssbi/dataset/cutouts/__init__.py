"""FROM THE SKY TO A STAMP: targets, the tiles of a mosaic, the PSF at a place, and the file of a cut-out."""
