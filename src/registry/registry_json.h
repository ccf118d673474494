// A Schema Registry's JSON, read and written. Pure functions: nothing that comes from outside is
// believed, and no answer's text is in an error.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/status.h"
#include "repo/format.pb.h"

namespace maxbrod::registry {

using Version = format::RegistrySubject::Version;

// What is configured for a subject, or for all.
struct Compatibility {
  std::string level;     // "BACKWARD"; empty: not configured
  std::string settings;  // everything else, as a JSON object; empty: nothing
  bool operator==(const Compatibility&) const = default;
};

// The registry's own number (40401, 42205, ...; 0: it gave none) and text, cut to a line.
struct RegistryError {
  int code = 0;
  std::string message;
};

// kProtocol where an answer is not of its form.
Result<std::vector<std::string>> ParseNames(std::string_view text);
Result<std::vector<int32_t>> ParseVersions(std::string_view text);
// A version of `subject`; whether it is deleted is not known from here.
Result<Version> ParseVersion(std::string_view text);
Result<std::string> ParseMode(std::string_view text);
Result<Compatibility> ParseCompatibility(std::string_view text);
// The id that a registered schema was given.
Result<int32_t> ParseId(std::string_view text);
RegistryError ParseError(std::string_view text);

// Bodies of requests.
std::string RegisterBody(const Version& version);  // with its id and version
std::string ModeBody(const std::string& mode);
// kCorrupt where the settings are not a JSON object.
Result<std::string> CompatibilityBody(const Compatibility& compatibility);

// Whether two versions are the same schema to a registry: its type, its references, its contracts,
// and its text, which registries may space otherwise than they were given it.
bool SameSchema(const Version& a, const Version& b);
// Of settings and contracts: as JSON values; two empty texts are the same too.
bool SameJson(const std::string& a, const std::string& b);

// The context of a subject's name: ":.billing:" of ":.billing:orders", empty of "orders".
std::string ContextOf(const std::string& subject);
// A reference's subject, of which the context may be left out.
std::string Qualified(const std::string& reference, const std::string& of_subject);

}  // namespace maxbrod::registry
