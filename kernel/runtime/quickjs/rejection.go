package quickjs

import "slices"

// rejection is a promise that was rejected and that nobody has handled so far. Its handles are the VM's.
type rejection struct{ at, promise, reason uint32 }

// maxRejections bounds those that are kept, with their promises and reasons.
const maxRejections = 32

// Rejected takes note of what the module has told of a promise: that it was rejected while nobody handles it, or that
// somebody does so now. promise and reason are what it passed.
func (vm *VM) Rejected(promise, reason uint32, handled bool) {
	at := vm.call("qjs_get_value_ptr", uint64(promise))
	known := slices.IndexFunc(vm.rejections, func(r rejection) bool { return r.at == at })
	switch {
	case handled && known >= 0:
		r := vm.rejections[known]
		vm.rejections = slices.Delete(vm.rejections, known, known+1)
		vm.drop(r)
	case !handled && known < 0 && len(vm.rejections) < maxRejections:
		vm.rejections = append(vm.rejections, rejection{at, promise, reason})
		return
	}
	vm.drop(rejection{promise: promise, reason: reason})
}

func (vm *VM) drop(r rejection) {
	vm.release(r.promise)
	vm.release(r.reason)
}

// Unhandled returns what promises were rejected with that nobody has handled since the last time.
func (vm *VM) Unhandled() (list []*Exception, err error) {
	if len(vm.rejections) == 0 {
		return nil, nil
	}
	defer caught(&err)
	for _, r := range vm.rejections {
		list = append(list, vm.describe(r.reason))
		vm.drop(r)
	}
	vm.rejections = nil
	return list, nil
}
