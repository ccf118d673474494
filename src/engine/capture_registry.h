// A Schema Registry's subjects, versions, ids, modes and compatibility into a snapshot's metadata.
#pragma once

#include "registry/registry.h"
#include "repo/format.pb.h"

namespace maxbrod::engine {

// How many requests a registry gets at once.
inline constexpr size_t kRegistryRequestsMax = 16;
inline constexpr Millis kRegistryReadMax{600'000};
// What one version may have (a record of a snapshot holds no more), and all of them.
inline constexpr size_t kRegistryVersionBytesMax = 960 << 10;
inline constexpr size_t kRegistryBytesMax = size_t{256} << 20;
inline constexpr size_t kRegistryVersionsMax = 1'000'000;

// Fills the registry_* fields: all of it, or an error and none of it. Subjects are in order of
// name, versions in order. What vanishes while it is read is left out. kUnsupported when there is
// more than a snapshot holds.
Status ReadRegistry(registry::Registry& registry, const CallContext& context,
                    format::ClusterMetadata* out);

// The same; a registry that cannot be read is listed in out->missing as "schemas". Errors are the
// caller's own: its deadline, or kCancelled.
Status CaptureRegistry(registry::Registry& registry, const CallContext& context,
                       format::ClusterMetadata* out);

}  // namespace maxbrod::engine
