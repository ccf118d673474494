// Receipts: a head as a run printed it, compared with the log as it is now. That the newest commits
// were cut off, or the whole repository set back, is noticed only so.
#pragma once

#include <string>

#include "repo/repository.h"

namespace maxbrod::repo {

// "17:9f86...", or with "head=" before it. kInvalidArgument.
Result<Receipt> ParseReceipt(const std::string& text);

// OK when the log holds this commit. kConflict when it ends before it, or holds another one in its
// place. A commit that prune has removed since cannot be compared: OK, as the log has gone on.
Status CheckReceipt(Repository& repository, const Receipt& receipt, const CallContext& context);

}  // namespace maxbrod::repo
