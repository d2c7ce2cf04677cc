//go:build !unix

package process

import "errors"

// ToggleProfile returns errors.ErrUnsupported: there is no signal for it here.
func (p *Process) ToggleProfile() error { return errors.ErrUnsupported }
