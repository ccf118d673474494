// What this host has seen last of each repository: a small file per repository id, so that one that
// was set back, or replaced by a plain one, is noticed without anybody keeping receipts.
#pragma once

#include <filesystem>

#include "repo/repository.h"

namespace maxbrod::cli {

// Where this host keeps such things; empty where it keeps none.
std::filesystem::path StateFolder();

// Files are $MAXBROD_STATE_DIR/<repository id>, else in $XDG_STATE_HOME/maxbrod, else in
// ~/.local/state/maxbrod; with MAXBROD_STATE_DIR empty, or nowhere to put them, nothing is kept.

// kConflict when the repository ends before the head that was seen, holds another commit in its
// place, or was encrypted then and is not now.
Status CheckSeenHead(repo::Repository& repository, const CallContext& context);
// Best effort: a host without a writable home runs backups all the same.
void RememberHead(repo::Repository& repository);

}  // namespace maxbrod::cli
