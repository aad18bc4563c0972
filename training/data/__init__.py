"""Research data: readers, crops, augmentation, batches."""
