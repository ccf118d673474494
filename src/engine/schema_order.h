// In which order schemas that refer to each other are registered and deleted.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <string>
#include <utility>

#include "repo/format.pb.h"

namespace maxbrod::engine {

using SchemaKey = std::pair<std::string, int32_t>;  // subject, version

// 0 for a schema that refers to none of these, else one more than the highest it refers to:
// registered from the lowest, deleted from the highest. Schemas that refer to each other in a
// circle, which no registry takes, get one level above all others.
std::map<SchemaKey, size_t> SchemaLevels(
    const google::protobuf::RepeatedPtrField<format::RegistrySubject>& subjects);

}  // namespace maxbrod::engine
