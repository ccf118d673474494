// A Schema Registry, one method per call of its REST API.
#pragma once

#include <atomic>
#include <memory>
#include <string>
#include <vector>

#include "aws/http.h"
#include "base/clock.h"
#include "registry/registry_config.h"
#include "registry/registry_json.h"

namespace maxbrod::registry {

inline constexpr const char* kImportMode = "IMPORT";

// Thread-safe: calls may be made by many threads, each takes a connection of its own.
//
// A call that may be repeated (all of these may) is tried again a few times when nobody answered,
// or the registry says that it is not ready (429, 5xx), at the next of its URLs.
//
// Errors: kAuthentication (401), kPermission (403), kNotFound (404), kConflict (409; an id that is
// another's), kInvalidArgument (422: the schema, or not in this mode), kUnavailable and kTimeout
// (retryable), kProtocol, kUnsupported (it has no such call). The registry's own number and text
// are in the message; no credentials are.
class Registry {
 public:
  Registry(RegistryConfig config, std::shared_ptr<aws::HttpClient> http, Clock& clock);

  // The first URL, which has no user and password.
  const std::string& url() const { return config_.urls.front(); }

  // Of all contexts, deleted ones too. Sorted.
  Result<std::vector<std::string>> Subjects(const CallContext& context);
  // Names of contexts other than the default one, as ":.billing:"; none where the registry has
  // none.
  Result<std::vector<std::string>> Contexts(const CallContext& context);
  // In order; none when the subject is not there.
  Result<std::vector<int32_t>> Versions(const std::string& subject, bool deleted_too,
                                        const CallContext& context);
  Result<Version> Read(const std::string& subject, int32_t version, const CallContext& context);

  // Of a subject, empty when it has none of its own; with an empty name the registry's.
  Result<std::string> Mode(const std::string& subject, const CallContext& context);
  Result<Compatibility> ReadCompatibility(const std::string& subject, const CallContext& context);

  // Empty: the subject has none of its own any more. IMPORT is set by force, without which a
  // registry deletes for good what was deleted softly.
  Status SetMode(const std::string& subject, const std::string& mode, const CallContext& context);
  Status SetCompatibility(const std::string& subject, const Compatibility& compatibility,
                          const CallContext& context);

  // With its id and version; the subject has to be in IMPORT mode. kConflict when the registry gave
  // another id: it does not take them.
  Status Register(const std::string& subject, const Version& version, const CallContext& context);
  // What is gone already is no error. For good: only what was deleted before.
  Status Delete(const std::string& subject, int32_t version, bool for_good,
                const CallContext& context);

 private:
  struct Answer {
    int status = 0;
    std::string body;
    bool ok() const { return status >= 200 && status < 300; }
  };
  // An answer of the registry, good or bad; an error when there was none.
  Result<Answer> Ask(const std::string& method, const std::string& path, const std::string& body,
                     const CallContext& context);
  Result<Answer> AskOnce(const std::string& method, const std::string& path,
                         const std::string& body, const CallContext& context);
  // `missing_is_fine`: 404 is an answer too.
  Result<Answer> Call(const std::string& method, const std::string& path, const std::string& body,
                      bool missing_is_fine, const CallContext& context);

  const RegistryConfig config_;
  const std::shared_ptr<aws::HttpClient> http_;
  Clock& clock_;
  std::atomic<size_t> url_{0};
};

}  // namespace maxbrod::registry
