#include "registry/registry.h"

#include <algorithm>
#include <set>

#include "aws/uri.h"

namespace maxbrod::registry {
namespace {

// What one answer may have: a list of names is the longest.
constexpr size_t kAnswerBytesMax = size_t{32} << 20;
constexpr int kTries = 5;
constexpr Millis kTryLimit{30'000};
constexpr int64_t kBackoffFirstMs = 100, kBackoffMaxMs = 2'000;
constexpr const char* kJson = "application/vnd.schemaregistry.v1+json";

// Fewer than this is taken for all versions of a subject: nobody limits answers to less.
constexpr size_t kVersionsPageMin = 100;

// The registry's numbers are its statuses and two digits.
constexpr int kMovedOrNoCall = 405;

std::string SubjectPath(const std::string& subject) {
  return "/subjects/" + aws::UriEncode(subject);
}

std::string PathOf(const char* what, const std::string& subject) {
  return std::string("/") + what + (subject.empty() ? "" : "/" + aws::UriEncode(subject));
}

Code CodeOf(int status) {
  switch (status) {
    case 401:
      return Code::kAuthentication;
    case 403:
      return Code::kPermission;
    case 404:
      return Code::kNotFound;
    case kMovedOrNoCall:
    case 501:
      return Code::kUnsupported;
    case 409:
      return Code::kConflict;
    case 400:
    case 413:
    case 422:
      return Code::kInvalidArgument;
    default:
      break;
  }
  return status == 429 || status >= 500 ? Code::kUnavailable : Code::kProtocol;
}

bool MayPass(int status) {
  return CodeOf(status) == Code::kUnavailable;
}

Status StatusOf(int status, std::string_view body) {
  RegistryError error = ParseError(body);
  std::string text = error.message.empty() ? "status " + std::to_string(status) : error.message;
  if (error.code != 0 && error.code != status) text += " (" + std::to_string(error.code) + ")";
  const Code code = CodeOf(status);
  Status out = Status(code, "the registry answers: " + text).Retryable(MayPass(status));
  if (code == Code::kAuthentication) {
    out = std::move(out).WithHint(
        "basic.auth.user.info or bearer.auth.token in the file of --schema-registry-config");
  }
  return out;
}

}  // namespace

Registry::Registry(RegistryConfig config, std::shared_ptr<aws::HttpClient> http, Clock& clock)
    : config_(std::move(config)), http_(std::move(http)), clock_(clock) {
  MB_CHECK(!config_.urls.empty());
}

Result<Registry::Answer> Registry::AskOnce(const std::string& method, const std::string& path,
                                           const std::string& body, const CallContext& context) {
  const size_t url = url_.load() % config_.urls.size();
  aws::HttpRequest request;
  request.method = method;
  request.url = config_.urls[url] + path;
  request.body_max = kAnswerBytesMax;
  request.headers.push_back({"Accept", std::string(kJson) + ", application/json"});
  if (!config_.authorization.empty())
    request.headers.push_back({"Authorization", config_.authorization});
  if (!body.empty()) {
    request.headers.push_back({"Content-Type", kJson});
    request.body = {AsBytes(body)};
  }
  auto response = http_->Send(request, context.Within(kTryLimit));
  if (!response.ok() || MayPass(response->status)) {
    size_t expected = url;
    url_.compare_exchange_strong(expected, url + 1);
  }
  MB_RETURN_IF_ERROR(response.status());
  return Answer{response->status, ToString(response->body)};
}

Result<Registry::Answer> Registry::Ask(const std::string& method, const std::string& path,
                                       const std::string& body, const CallContext& context) {
  for (int tried = 1;; ++tried) {
    MB_RETURN_IF_ERROR(context.Check());
    auto answer = AskOnce(method, path, body, context);
    const bool again = answer.ok() ? MayPass(answer->status) : answer.status().retryable();
    if (!again || tried >= kTries) return answer;
    Millis wait(std::min(kBackoffFirstMs << (tried - 1), kBackoffMaxMs));
    if (context.deadline.Remaining() <= wait) return answer;
    if (!clock_.Sleep(wait, context.stop)) return Status(Code::kCancelled, "stopped");
  }
}

Result<Registry::Answer> Registry::Call(const std::string& method, const std::string& path,
                                        const std::string& body, bool missing_is_fine,
                                        const CallContext& context) {
  const std::string what = method + " " + path.substr(0, path.find('?')) + " at " + url();
  auto answer = Ask(method, path, body, context);
  if (!answer.ok()) return answer.status().WithContext(what);
  if (answer->ok() || (missing_is_fine && answer->status == 404)) return answer;
  return StatusOf(answer->status, answer->body).WithContext(what);
}

Result<std::vector<std::string>> Registry::Subjects(const CallContext& context) {
  std::set<std::string> all;
  // A registry may be told to give only so many at once, and older ones give all each time.
  for (size_t asked = 0, before = 1; before != all.size(); ++asked) {
    before = all.size();
    std::string path = "/subjects?deleted=true";
    if (asked > 0) path += "&offset=" + std::to_string(all.size());
    MB_ASSIGN_OR_RETURN(Answer answer, Call("GET", path, "", false, context));
    auto names = ParseNames(answer.body);
    if (!names.ok()) return names.status().WithContext("GET /subjects at " + url());
    all.insert(names->begin(), names->end());
    if (all.empty()) break;
  }
  return std::vector<std::string>(all.begin(), all.end());
}

Result<std::vector<std::string>> Registry::Contexts(const CallContext& context) {
  MB_ASSIGN_OR_RETURN(Answer answer, Call("GET", "/contexts", "", true, context));
  std::vector<std::string> out;
  if (!answer.ok()) return out;
  auto names = ParseNames(answer.body);
  if (!names.ok()) return names.status().WithContext("GET /contexts at " + url());
  for (const std::string& name : *names) {
    if (name.size() > 1 && name.starts_with(".")) out.push_back(":" + name + ":");
  }
  return out;
}

Result<std::vector<int32_t>> Registry::Versions(const std::string& subject, bool deleted_too,
                                                const CallContext& context) {
  const std::string path =
      SubjectPath(subject) + "/versions?deleted=" + (deleted_too ? "true" : "false");
  std::set<int32_t> all;
  while (true) {
    const size_t before = all.size();
    const std::string from = before == 0 ? "" : "&offset=" + std::to_string(before);
    MB_ASSIGN_OR_RETURN(Answer answer, Call("GET", path + from, "", true, context));
    if (!answer.ok()) break;
    auto versions = ParseVersions(answer.body);
    if (!versions.ok()) return versions.status().WithContext("versions of " + subject);
    all.insert(versions->begin(), versions->end());
    if (versions->size() < kVersionsPageMin || all.size() == before) break;
  }
  return std::vector<int32_t>(all.begin(), all.end());
}

Result<Version> Registry::Read(const std::string& subject, int32_t version,
                               const CallContext& context) {
  const std::string path =
      SubjectPath(subject) + "/versions/" + std::to_string(version) + "?deleted=true";
  MB_ASSIGN_OR_RETURN(Answer answer, Call("GET", path, "", false, context));
  auto read = ParseVersion(answer.body);
  if (read.ok() && read->version() == version) return read;
  Status status = read.ok() ? Status(Code::kProtocol, "the registry answers with another version")
                            : read.status();
  return status.WithContext(subject + " version " + std::to_string(version));
}

Result<std::string> Registry::Mode(const std::string& subject, const CallContext& context) {
  MB_ASSIGN_OR_RETURN(Answer answer,
                      Call("GET", PathOf("mode", subject), "", !subject.empty(), context));
  if (!answer.ok()) return std::string();
  return ParseMode(answer.body);
}

Result<Compatibility> Registry::ReadCompatibility(const std::string& subject,
                                                  const CallContext& context) {
  MB_ASSIGN_OR_RETURN(Answer answer,
                      Call("GET", PathOf("config", subject), "", !subject.empty(), context));
  if (!answer.ok()) return Compatibility();
  return ParseCompatibility(answer.body);
}

Status Registry::SetMode(const std::string& subject, const std::string& mode,
                         const CallContext& context) {
  std::string path = PathOf("mode", subject);
  if (mode.empty()) return Call("DELETE", path, "", true, context).status();
  if (mode == kImportMode) path += "?force=true";
  return Call("PUT", path, ModeBody(mode), false, context).status();
}

Status Registry::SetCompatibility(const std::string& subject, const Compatibility& compatibility,
                                  const CallContext& context) {
  std::string path = PathOf("config", subject);
  if (compatibility == Compatibility()) return Call("DELETE", path, "", true, context).status();
  MB_ASSIGN_OR_RETURN(std::string body, CompatibilityBody(compatibility));
  return Call("PUT", path, body, false, context).status();
}

Status Registry::Register(const std::string& subject, const Version& version,
                          const CallContext& context) {
  const std::string path = SubjectPath(subject) + "/versions";
  MB_ASSIGN_OR_RETURN(Answer answer, Call("POST", path, RegisterBody(version), false, context));
  MB_ASSIGN_OR_RETURN(int32_t id, ParseId(answer.body));
  if (id == version.id()) return Status::Ok();
  return Status(Code::kConflict, subject + " version " + std::to_string(version.version()) +
                                     " has id " + std::to_string(id) + " there instead of " +
                                     std::to_string(version.id()))
      .WithHint("the registry does not take ids in its IMPORT mode");
}

Status Registry::Delete(const std::string& subject, int32_t version, bool for_good,
                        const CallContext& context) {
  const std::string path = SubjectPath(subject) + "/versions/" + std::to_string(version) +
                           (for_good ? "?permanent=true" : "");
  return Call("DELETE", path, "", true, context).status();
}

}  // namespace maxbrod::registry
