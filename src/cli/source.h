// What a verb reads: a snapshot, or a point between snapshots.
#pragma once

#include <string>
#include <vector>

#include "cli/common.h"
#include "engine/restore_source.h"

namespace maxbrod::cli {

// engine::FindRestoreSource with progress shown meanwhile: a point may wait for a thaw. Its notes
// and warnings are left in `progress`. `reader` for messages: "the restore".
Result<engine::RestoreSource> FindSource(repo::Repository& repository, const std::string& text,
                                         const std::vector<std::string>& topic_ids,
                                         const engine::ThawOptions& thaw, const std::string& reader,
                                         engine::Progress& progress, const Globals& globals);

}  // namespace maxbrod::cli
