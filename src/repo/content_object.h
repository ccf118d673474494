// Objects named by the SHA-256 of their stored bytes: manifests, snapshots and offset maps.
#pragma once

#include <string>

#include "repo/format.pb.h"
#include "store/store.h"

namespace maxbrod::repo {

// "<folder>/<64 hex>"; `folder` is "manifest", "snapshot" or "offset-map".
std::string ContentName(const std::string& folder, const format::ObjectRef& ref);

// Stores the bytes under their name. That they are there already is success. A lost reply is
// settled by reading back and sending the same bytes again, up to three times; then kUnavailable,
// retryable.
Result<format::ObjectRef> PutContentObject(store::Store& store, const std::string& folder,
                                           ByteView bytes, const CallContext& context);

// The bytes a reference names, their length and SHA-256 compared: kCorrupt when they differ,
// kNotFound.
Result<Bytes> GetContentObject(store::Store& store, const std::string& folder,
                               const format::ObjectRef& ref, const CallContext& context);

}  // namespace maxbrod::repo
