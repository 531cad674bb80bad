"""Storage: where the bytes of files are kept, on a disk or in a bucket, and the register of what is there."""
