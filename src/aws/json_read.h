// Reading JSON from outside without exceptions.
#pragma once

#include <nlohmann/json.hpp>
#include <string>
#include <string_view>

#include "base/status.h"

namespace maxbrod::aws {

// An object; anything else is kProtocol, naming `what` ("the answer of KMS") and never its text.
Result<nlohmann::json> ParseJsonObject(std::string_view text, const std::string& what);

// The string under `key`; empty when there is none.
std::string JsonText(const nlohmann::json& object, const char* key);
// The object under `key`; an empty one when there is none.
const nlohmann::json& JsonObject(const nlohmann::json& object, const char* key);

// As text; bytes that are not UTF-8 are replaced.
std::string JsonDump(const nlohmann::json& json);

}  // namespace maxbrod::aws
