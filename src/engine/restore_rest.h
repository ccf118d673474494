// What a restore brings back besides topics, data and groups' offsets: the bridge from its plan to
// that of restore_metadata.h.
#pragma once

#include <memory>
#include <optional>

#include "engine/restore_metadata.h"
#include "engine/restore_plan.h"

namespace maxbrod::engine {

// Null where no such part is wanted. ACLs and configs of topics and groups that are not restored
// are left out, those of renamed topics follow. Refusals and warnings are added to `plan`.
Result<std::shared_ptr<const MetadataPlan>> PlanRest(const RestoreSelection& selection,
                                                     kafka::Cluster& target, RestorePlan* plan,
                                                     const CallContext& context);

// Share groups begin where they did, in the topics of the plan; to be called when these are there,
// with their data. What is done is added to `report`.
Status RestoreShareOffsets(const RestoreSelection& selection, kafka::Cluster& target,
                           const RestorePlan& plan, Progress& progress,
                           std::optional<MetadataReport>* report, const CallContext& context);

}  // namespace maxbrod::engine
