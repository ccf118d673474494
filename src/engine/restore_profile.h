// Ready-made shapes of a restore.
#pragma once

#include <string>

#include "engine/restore_plan.h"

namespace maxbrod::engine {

// "small", for a test cluster smaller than the source: one replica, min.insync.replicas=1, nothing
// tiered, and what is restored stays (retention off). What the user said before stands: to be
// applied to a selection before the user's own rules are added. kInvalidArgument for other names.
Status ApplyProfile(const std::string& name, RestoreSelection* selection);

}  // namespace maxbrod::engine
