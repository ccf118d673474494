// The part of a MetadataPlan that goes into a Schema Registry.
#pragma once

#include <functional>

#include "engine/progress.h"
#include "engine/restore_metadata.h"

namespace maxbrod::engine {

// Hears of everything that went wrong with an item. OK: the rest goes on. Called by one thread.
using NoteItem = std::function<Status(const PlannedMetadata& item, const Status& status)>;

// Subjects that get schemas are put into IMPORT mode, and only these; schemas are registered with
// their ids and versions, those that others refer to first; deleted ones are deleted again; then
// come compatibility levels and, last, modes. These two are seen to also when something fails or
// the run is stopped, so that no subject stays in IMPORT mode as long as the registry answers; a
// run that was killed leaves subjects in it, and the next one goes on from there.
//
// Of `plan` only items of MetadataKind::kSchemas. Errors are those that `note` returned.
Status RestoreSchemas(registry::Registry& registry, const MetadataPlan& plan, const NoteItem& note,
                      Progress& progress, const CallContext& context);

}  // namespace maxbrod::engine
