package life_test

// table is what each event does in each situation: `event: actions -> state`. What is not listed is ignored.
//
// A state is phase and version; then the versions that were made, with * for the one that is called, > for the
// next and < for the previous one, c while it is compiled and d while it is drained; then what is being
// tried, what is reported as not running, and what is not tried again.
const table = `
unknown = unseen
	found a: try 1 a, verify -> unseen try 1
	found b: try 1 b, verify -> unseen try 1
	found c a: try 1 c, verify -> unseen try 1
	loaded c: try 1 c -> unseen try 1
	disabled: say stopped 1.0.0 (disabled in the configuration) -> stopped 1.0.0
	misconfigured: say failed 9.9.9 (bad) -> failed 9.9.9 not 9.9.9
trying = unseen try 1
	found a: try 2 a, verify -> unseen try 2
	found b: try 2 b, verify -> unseen try 2
	found c a: try 2 c, verify -> unseen try 2
	loaded c: try 2 c -> unseen try 2
	gone: forget, say stopped  (removed) -> unseen
	disabled: say stopped 1.0.0 (disabled in the configuration) -> stopped 1.0.0
	misconfigured: say failed 9.9.9 (bad) -> failed 9.9.9 not 9.9.9
	stopping: nothing -> unseen
	tried 1: serve 1, inherit 1, say verified 1.0.0, compile 1 -> verified 1.0.0 1*c
	tried 1 failed: say failed 9.9.9 (bad) -> failed 9.9.9 not 9.9.9 without a
	tried 1 failed for now: say failed 9.9.9 (bad) -> failed 9.9.9 not 9.9.9
installed = installed 1.0.0 1*
	found b: try 2 b, verify -> installed 1.0.0 1* try 2
	found c a: try 2 c, verify -> installed 1.0.0 1* try 2
	loaded c: try 2 c, verify -> installed 1.0.0 1* try 2
	gone: serve 0, say draining 1.0.0 (removed), drain 1 -> draining 1.0.0 1d
	disabled: serve 0, say stopped 1.0.0 (disabled in the configuration), disconnect 1, drain 1 -> stopped 1.0.0 1d
	misconfigured: serve 0, say failed 9.9.9 (bad), disconnect 1, drain 1 -> failed 9.9.9 1d not 9.9.9
	reconfigured: clone 1 to 2, serve 2, drain 1 for 2 -> installed 1.0.0 1d 2*
	stopping: serve 0, say draining 1.0.0 (the gateway stops), drain 1 -> draining 1.0.0 1d
	checked 1: say verified 1.0.0 -> verified 1.0.0 1*
	refused 1: serve 0, say failed 9.9.9 (bad), drain 1 -> failed 9.9.9 1d not 9.9.9 without a
	worked 1: say ready 1.0.0 -> ready 1.0.0 1*
	revoked: serve 0, say failed 9.9.9 (bad), disconnect 1, drain 1 -> failed 9.9.9 1d not 9.9.9 without a
compiling = verified 1.0.0 1*c
	found b: try 2 b, verify -> verified 1.0.0 1*c try 2
	found c a: try 2 c, verify -> verified 1.0.0 1*c try 2
	loaded c: try 2 c, verify -> verified 1.0.0 1*c try 2
	gone: serve 0, say draining 1.0.0 (removed), drain 1 -> draining 1.0.0 1cd
	disabled: serve 0, say stopped 1.0.0 (disabled in the configuration), disconnect 1, drain 1 -> stopped 1.0.0 1cd
	misconfigured: serve 0, say failed 9.9.9 (bad), disconnect 1, drain 1 -> failed 9.9.9 1cd not 9.9.9
	reconfigured: clone 1 to 2, serve 2, drain 1 for 2 -> verified 1.0.0 1cd 2*
	stopping: serve 0, say draining 1.0.0 (the gateway stops), drain 1 -> draining 1.0.0 1cd
	compiled 1: say ready 1.0.0 -> ready 1.0.0 1*
	compiled 1 failed: nothing -> verified 1.0.0 1*
	compiled 1 never: serve 0, say failed 9.9.9 (bad), drain 1 -> failed 9.9.9 1d not 9.9.9 without a
	refused 1: serve 0, say failed 9.9.9 (bad), drain 1 -> failed 9.9.9 1cd not 9.9.9 without a
	worked 1: say ready 1.0.0 -> ready 1.0.0 1*c
	revoked: serve 0, say failed 9.9.9 (bad), disconnect 1, drain 1 -> failed 9.9.9 1cd not 9.9.9 without a
ready = ready 1.0.0 1*
	found b: try 2 b, verify -> ready 1.0.0 1* try 2
	found c a: try 2 c, verify -> ready 1.0.0 1* try 2
	loaded c: try 2 c, verify -> ready 1.0.0 1* try 2
	gone: serve 0, say draining 1.0.0 (removed), drain 1 -> draining 1.0.0 1d
	disabled: serve 0, say stopped 1.0.0 (disabled in the configuration), disconnect 1, drain 1 -> stopped 1.0.0 1d
	misconfigured: serve 0, say failed 9.9.9 (bad), disconnect 1, drain 1 -> failed 9.9.9 1d not 9.9.9
	reconfigured: clone 1 to 2, serve 2, drain 1 for 2 -> ready 1.0.0 1d 2*
	stopping: serve 0, say draining 1.0.0 (the gateway stops), drain 1 -> draining 1.0.0 1d
	refused 1: serve 0, say failed 9.9.9 (bad), drain 1 -> failed 9.9.9 1d not 9.9.9 without a
	revoked: serve 0, say failed 9.9.9 (bad), disconnect 1, drain 1 -> failed 9.9.9 1d not 9.9.9 without a
failed = failed 9.9.9 not 9.9.9 without a
	found b: try 2 b, verify -> failed 9.9.9 try 2 not 9.9.9
	found c a: try 2 c, verify -> failed 9.9.9 try 2 not 9.9.9 without a
	loaded c: try 2 c -> failed 9.9.9 try 2 not 9.9.9
	gone: forget, say stopped  (removed) -> unseen
	disabled: say stopped 1.0.0 (disabled in the configuration) -> stopped 1.0.0 not 9.9.9 without a
retrying = ready 1.0.0 1* try 2
	found a: nothing -> ready 1.0.0 1*
	found b: try 3 b, verify -> ready 1.0.0 1* try 3
	found c a: try 3 c, verify -> ready 1.0.0 1* try 3
	loaded c: try 3 c, verify -> ready 1.0.0 1* try 3
	gone: serve 0, say draining 1.0.0 (removed), drain 1 -> draining 1.0.0 1d
	disabled: serve 0, say stopped 1.0.0 (disabled in the configuration), disconnect 1, drain 1 -> stopped 1.0.0 1d
	misconfigured: serve 0, say failed 9.9.9 (bad), disconnect 1, drain 1 -> failed 9.9.9 1d not 9.9.9
	reconfigured: clone 1 to 3, serve 3, drain 1 for 3 -> ready 1.0.0 1d 3* try 2
	stopping: serve 0, say draining 1.0.0 (the gateway stops), drain 1 -> draining 1.0.0 1d
	tried 2: say verified 2.0.0 after 1.0.0, compile 2 -> ready 1.0.0 1* 2>c
	tried 2 failed: say failed 9.9.9 (bad) -> ready 1.0.0 1* not 9.9.9 without b
	tried 2 failed for now: say failed 9.9.9 (bad) -> ready 1.0.0 1* not 9.9.9
	tried 2 unfinished: nothing -> ready 1.0.0 1*
	refused 1: serve 0, say failed 9.9.9 (bad), drain 1 -> failed 9.9.9 1d try 2 not 9.9.9 without a
	revoked: serve 0, say failed 9.9.9 (bad), disconnect 1, drain 1 -> failed 9.9.9 1d not 9.9.9 without a
rejected = ready 1.0.0 1* not 9.9.9 without b
	found a: nothing -> ready 1.0.0 1*
	found c a: try 3 c, verify -> ready 1.0.0 1* try 3 not 9.9.9
	loaded c: try 3 c, verify -> ready 1.0.0 1* try 3 not 9.9.9
	gone: serve 0, say draining 1.0.0 (removed), drain 1 -> draining 1.0.0 1d not 9.9.9 without b
	disabled: serve 0, say stopped 1.0.0 (disabled in the configuration), disconnect 1, drain 1 -> stopped 1.0.0 1d not 9.9.9 without b
	misconfigured: serve 0, say failed 9.9.9 (bad), disconnect 1, drain 1 -> failed 9.9.9 1d not 9.9.9 without b
	granted b: nothing -> ready 1.0.0 1* not 9.9.9
	reconfigured: clone 1 to 3, serve 3, drain 1 for 3 -> ready 1.0.0 1d 3* not 9.9.9 without b
	stopping: serve 0, say draining 1.0.0 (the gateway stops), drain 1 -> draining 1.0.0 1d not 9.9.9 without b
	refused 1: serve 0, say failed 9.9.9 (bad), drain 1 -> failed 9.9.9 1d not 9.9.9 without a b
	revoked: serve 0, say failed 9.9.9 (bad), disconnect 1, drain 1 -> failed 9.9.9 1d not 9.9.9 without a b
preparing = ready 1.0.0 1* 2>c
	found a: nothing -> ready 1.0.0 1* 2c
	found c a: try 3 c, verify -> ready 1.0.0 1* 2>c try 3
	loaded c: try 3 c, verify -> ready 1.0.0 1* 2>c try 3
	gone: serve 0, say draining 1.0.0 (removed), drain 1 -> draining 1.0.0 1d 2c
	disabled: serve 0, say stopped 1.0.0 (disabled in the configuration), disconnect 1, drain 1 -> stopped 1.0.0 1d 2c
	misconfigured: serve 0, say failed 9.9.9 (bad), disconnect 1, drain 1 -> failed 9.9.9 1d 2c not 9.9.9
	reconfigured: clone 1 to 3, serve 3, drain 1 for 3 -> ready 1.0.0 1d 2>c 3*
	stopping: serve 0, say draining 1.0.0 (the gateway stops), drain 1 -> draining 1.0.0 1d 2c
	compiled 2: serve 2, inherit 2, say ready 2.0.0 after 1.0.0, say draining 1.0.0 (replaced), drain 1 -> ready 2.0.0 1<d 2*
	compiled 2 never: say failed 9.9.9 (bad), free 2 -> ready 1.0.0 1* not 9.9.9 without b
	refused 1: serve 0, say failed 9.9.9 (bad), drain 1 -> failed 9.9.9 1d 2>c not 9.9.9 without a
	revoked: serve 0, say failed 9.9.9 (bad), disconnect 1, drain 1 -> failed 9.9.9 1d 2c not 9.9.9 without a
replaced = ready 2.0.0 1<d 2*
	found a: try 3 a, verify -> ready 2.0.0 1<d 2* try 3
	found c a: try 3 c, verify -> ready 2.0.0 1<d 2* try 3
	loaded c: try 3 c, verify -> ready 2.0.0 1<d 2* try 3
	gone: serve 0, say draining 2.0.0 (removed), drain 2 -> draining 2.0.0 1d 2d
	disabled: serve 0, say stopped 1.0.0 (disabled in the configuration), disconnect 2, drain 2 -> stopped 1.0.0 1d 2d
	misconfigured: serve 0, say failed 9.9.9 (bad), disconnect 2, drain 2 -> failed 9.9.9 1d 2d not 9.9.9
	reconfigured: clone 2 to 3, serve 3, drain 2 for 3 -> ready 2.0.0 1<d 2d 3*
	roll back: clone 1 to 3, say failed 2.0.0 (why), serve 3, inherit 3, say ready 1.0.0 after 2.0.0, say draining 2.0.0 (replaced), drain 2 -> ready 1.0.0 1d 2d 3* not 2.0.0 without b
	stopping: serve 0, say draining 2.0.0 (the gateway stops), drain 2 -> draining 2.0.0 1d 2d
	drained 1: say stopped 1.0.0 (replaced) -> ready 2.0.0 1< 2*
	refused 2: serve 0, say failed 9.9.9 (bad), drain 2 -> failed 9.9.9 1<d 2d not 9.9.9 without b
	revoked: serve 0, say failed 9.9.9 (bad), disconnect 2, drain 2 -> failed 9.9.9 1d 2d not 9.9.9 without b
upgraded = ready 2.0.0 1< 2*
	found a: try 3 a, verify -> ready 2.0.0 1< 2* try 3
	found c a: try 3 c, verify -> ready 2.0.0 1< 2* try 3
	loaded c: try 3 c, verify -> ready 2.0.0 1< 2* try 3
	gone: serve 0, free 1, say draining 2.0.0 (removed), drain 2 -> draining 2.0.0 2d
	disabled: serve 0, free 1, say stopped 1.0.0 (disabled in the configuration), disconnect 2, drain 2 -> stopped 1.0.0 2d
	misconfigured: serve 0, free 1, say failed 9.9.9 (bad), disconnect 2, drain 2 -> failed 9.9.9 2d not 9.9.9
	reconfigured: clone 2 to 3, serve 3, drain 2 for 3 -> ready 2.0.0 1< 2d 3*
	roll back: clone 1 to 3, say failed 2.0.0 (why), serve 3, inherit 3, free 1, say ready 1.0.0 after 2.0.0, say draining 2.0.0 (replaced), drain 2 -> ready 1.0.0 2d 3* not 2.0.0 without b
	stopping: serve 0, free 1, say draining 2.0.0 (the gateway stops), drain 2 -> draining 2.0.0 2d
	refused 2: serve 0, say failed 9.9.9 (bad), drain 2 -> failed 9.9.9 1< 2d not 9.9.9 without b
	revoked: serve 0, free 1, say failed 9.9.9 (bad), disconnect 2, drain 2 -> failed 9.9.9 2d not 9.9.9 without b
preparing a third = ready 2.0.0 1< 2* 3>c
	found a: try 4 a, verify -> ready 2.0.0 1< 2* 3>c try 4
	found b: nothing -> ready 2.0.0 1< 2* 3c
	gone: serve 0, free 1, say draining 2.0.0 (removed), drain 2 -> draining 2.0.0 2d 3c
	disabled: serve 0, free 1, say stopped 1.0.0 (disabled in the configuration), disconnect 2, drain 2 -> stopped 1.0.0 2d 3c
	misconfigured: serve 0, free 1, say failed 9.9.9 (bad), disconnect 2, drain 2 -> failed 9.9.9 2d 3c not 9.9.9
	reconfigured: clone 2 to 4, serve 4, drain 2 for 4 -> ready 2.0.0 1< 2d 3>c 4*
	roll back: clone 1 to 4, say failed 2.0.0 (why), serve 4, inherit 4, free 1, say ready 1.0.0 after 2.0.0, say draining 2.0.0 (replaced), drain 2 -> ready 1.0.0 2d 3>c 4* not 2.0.0 without b
	stopping: serve 0, free 1, say draining 2.0.0 (the gateway stops), drain 2 -> draining 2.0.0 2d 3c
	compiled 3: serve 3, inherit 3, free 1, say ready 3.0.0 after 2.0.0, say draining 2.0.0 (replaced), drain 2 -> ready 3.0.0 2<d 3*
	compiled 3 never: say failed 9.9.9 (bad), free 3 -> ready 2.0.0 1< 2* not 9.9.9 without c
	refused 2: serve 0, say failed 9.9.9 (bad), drain 2 -> failed 9.9.9 1< 2d 3>c not 9.9.9 without b
	revoked: serve 0, free 1, say failed 9.9.9 (bad), disconnect 2, drain 2 -> failed 9.9.9 2d 3c not 9.9.9 without b
renewed = verified 1.0.0 1cd 2*
	found b: try 3 b, verify -> verified 1.0.0 1cd 2* try 3
	found c a: try 3 c, verify -> verified 1.0.0 1cd 2* try 3
	loaded c: try 3 c, verify -> verified 1.0.0 1cd 2* try 3
	gone: serve 0, say draining 1.0.0 (removed), drain 2 -> draining 1.0.0 1cd 2d
	disabled: serve 0, say stopped 1.0.0 (disabled in the configuration), disconnect 2, drain 2 -> stopped 1.0.0 1cd 2d
	misconfigured: serve 0, say failed 9.9.9 (bad), disconnect 2, drain 2 -> failed 9.9.9 1cd 2d not 9.9.9
	reconfigured: clone 2 to 3, serve 3, drain 2 for 3 -> verified 1.0.0 1cd 2d 3*
	stopping: serve 0, say draining 1.0.0 (the gateway stops), drain 2 -> draining 1.0.0 1cd 2d
	compiled 1: say ready 1.0.0 -> ready 1.0.0 1d 2*
	compiled 1 failed: nothing -> verified 1.0.0 1d 2*
	compiled 1 never: serve 0, say failed 9.9.9 (bad), drain 2 -> failed 9.9.9 1d 2d not 9.9.9 without a
	drained 1: nothing -> verified 1.0.0 1c 2*
	refused 1: serve 0, say failed 9.9.9 (bad), drain 2 -> failed 9.9.9 1cd 2d not 9.9.9 without a
	refused 2: serve 0, say failed 9.9.9 (bad), drain 2 -> failed 9.9.9 1cd 2d not 9.9.9 without a
	worked 1: say ready 1.0.0 -> ready 1.0.0 1cd 2*
	worked 2: say ready 1.0.0 -> ready 1.0.0 1cd 2*
	revoked: serve 0, say failed 9.9.9 (bad), disconnect 2, drain 2 -> failed 9.9.9 1cd 2d not 9.9.9 without a
removing = draining 1.0.0 1d
	found a: try 2 a, verify -> draining 1.0.0 1d try 2
	found b: try 2 b, verify -> draining 1.0.0 1d try 2
	found c a: try 2 c, verify -> draining 1.0.0 1d try 2
	loaded c: try 2 c -> draining 1.0.0 1d try 2
	disabled: say stopped 1.0.0 (disabled in the configuration) -> stopped 1.0.0 1d
	misconfigured: say failed 9.9.9 (bad) -> failed 9.9.9 1d not 9.9.9
	drained 1: free 1, forget, say stopped 1.0.0 (removed) -> unseen
disabled = stopped 2.0.0 1d 2c
	found a: try 3 a, verify -> stopped 2.0.0 1d 2c try 3
	found b: try 3 b, verify -> stopped 2.0.0 1d 2c try 3
	found c a: try 3 c, verify -> stopped 2.0.0 1d 2c try 3
	loaded c: try 3 c -> stopped 2.0.0 1d 2c try 3
	gone: forget, say stopped  (removed) -> unseen 1d 2c
	disabled: say stopped 1.0.0 (disabled in the configuration) -> stopped 1.0.0 1d 2c
	misconfigured: say failed 9.9.9 (bad) -> failed 9.9.9 1d 2c not 9.9.9
	compiled 2: free 2 -> stopped 2.0.0 1d
	compiled 2 never: free 2 -> stopped 2.0.0 1d
	drained 1: free 1 -> stopped 2.0.0 2c
stopping = draining 2.0.0 2d
	drained 2: free 2, say stopped 2.0.0 (the gateway stops) -> stopped 2.0.0
`
