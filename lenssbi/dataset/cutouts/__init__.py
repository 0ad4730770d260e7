"""Cut-outs of mosaics: targets, the tiles of a mosaic, the PSF at a place, and the file of a cut-out."""
