// Named steps at which a test may kill the process: proves that the order of writes survives a
// crash at each of them.
#pragma once

namespace maxbrod {

// Ends the process at once, exit code 137, as a kill -9 would (nothing is flushed, no destructor
// runs), when the environment variable MAXBROD_CRASH_AT is `name`, or "name:3" and this is the
// third time. Does nothing in any other process. Thread-safe.
void CrashPoint(const char* name);

inline constexpr int kCrashExitCode = 137;

}  // namespace maxbrod
