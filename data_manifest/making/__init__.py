"""Making a data set: from pairs of files, or the demo's images, to cases and their manifest."""
