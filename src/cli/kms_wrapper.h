// AWS KMS as the door to a key slot.
#pragma once

#include <memory>
#include <string>

#include "repo/key_slot.h"

namespace maxbrod::cli {

// For opening slots: nothing is asked of AWS before one is tried.
std::shared_ptr<repo::KeyWrapper> MakeKmsOpener();
// For a new slot under this key (ARN, id or alias): looks the key up, so that the slot names it by
// its ARN. kNotFound, kPermission, kUnavailable (disabled), kInvalidArgument (no key for
// encryption).
Result<std::shared_ptr<repo::KeyWrapper>> MakeKmsWrapper(const std::string& key,
                                                         const CallContext& context);

}  // namespace maxbrod::cli
