"""The refresh of licenses, from what is due to the snapshot."""
