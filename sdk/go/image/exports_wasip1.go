package image

// carapaceImage is there to be found, and is not called.
//
//go:wasmexport carapace_image
func carapaceImage() {}
