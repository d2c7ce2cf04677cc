package wit

// Policy is what to do when the hook fails: what the manifest says or, where it says nothing, to go on only at a hook
// that cannot cancel.
func (f *HookFacts) Policy() FailPolicy {
	switch {
	case f.OnFailure != nil:
		return *f.OnFailure
	case f.Name.Cancels():
		return FailPolicyClosed
	}
	return FailPolicyOpen
}
