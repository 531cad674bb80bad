"""The runtime of a generated client. It goes along with the package, so nothing here is imported from Holdfast."""
