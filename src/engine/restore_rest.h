// What a restore brings back besides topics, data and groups' offsets: the bridge from its plan to
// that of restore_metadata.h.
#pragma once

#include <memory>

#include "engine/restore_metadata.h"
#include "engine/restore_plan.h"

namespace maxbrod::engine {

// Null where no such part is wanted. ACLs and configs of topics and groups that are not restored
// are left out, those of renamed topics follow. Share groups begin where they did, in topics whose
// data is restored. Refusals and warnings are added to `plan`.
Result<std::shared_ptr<const MetadataPlan>> PlanRest(const RestoreSelection& selection,
                                                     kafka::Cluster& target, RestorePlan* plan,
                                                     const CallContext& context);

}  // namespace maxbrod::engine
