load helpers
@test "hangs in berth" { make_bundle; long_running; succeeds berth run --bundle "$B" "$ID"; }
@test "hangs in bg" { make_bundle; long_running; in_background run --bundle "$B" "$ID"; exits 0 wait $job; }
@test "leaks" { make_bundle; sleep 300 3>&- & 
 mkdir /sys/fs/cgroup/pids/$MARK /sys/fs/cgroup/pids/$MARK/x; mount -t tmpfs x "$B"; }
@test "ok after" { true; }
