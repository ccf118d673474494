// S3's words about one object, in the store's.
#pragma once

#include <string_view>

#include "aws/s3.h"
#include "store/object_control.h"

namespace maxbrod::store {

ObjectStanding StandingOfS3(const aws::S3ObjectInfo& info);
// "Standard", "Bulk", "Expedited".
std::string_view S3TierName(ThawTier tier);

}  // namespace maxbrod::store
