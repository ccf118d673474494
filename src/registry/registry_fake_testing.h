// A Schema Registry in memory, behind the HTTP seam: what a restore depends on, as Confluent's has
// it. tests/lib/schema_registry.py is the fuller one.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <vector>

#include "registry/registry.h"

namespace maxbrod::registry {

class FakeRegistry : public aws::HttpClient {
 public:
  // Answers instead of the registry where it returns something. Called under the lock.
  std::function<std::optional<Result<aws::HttpResponse>>(const std::string& call)> fault;
  bool keeps_ids = true;  // false: it gives its own, whatever is asked for

  Result<aws::HttpResponse> Send(const aws::HttpRequest& request,
                                 const CallContext& context) override;

  // As a producer or somebody at the registry does it; CHECKs that it is taken. The id.
  int32_t Produce(const std::string& subject, const std::string& schema,
                  const std::vector<std::pair<std::string, int32_t>>& references = {});
  void SoftDelete(const std::string& subject, int32_t version);

  std::map<std::string, std::string> modes{{"", "READWRITE"}}, levels{{"", "BACKWARD"}};
  std::map<std::string, std::map<int32_t, Version>> subjects;
  std::vector<std::string> calls;  // "PUT /mode/a?force=true", in order

  // All of it, to be compared with another's.
  std::string Text();

 private:
  struct Reply {
    int status = 200;
    nlohmann::json body;
  };
  Reply Route(const std::string& method, const std::string& target, const nlohmann::json& body);
  Reply Subject(const std::string& method, const std::vector<std::string>& path, bool deleted,
                bool permanent, const nlohmann::json& body);
  Reply Setting(const std::string& method, const std::string& what, const std::string& subject,
                bool force, const nlohmann::json& body);
  Reply Register(const std::string& subject, const nlohmann::json& body);
  Reply Remove(const std::string& subject, int32_t version, bool permanent);
  bool ReferredTo(const std::string& subject, int32_t version, bool by_deleted) const;
  std::string ModeOf(const std::string& subject) const;

  std::mutex mutex_;
  int32_t last_id_ = 0;
};

// A client of it; the fake must outlive what is done with it.
std::shared_ptr<Registry> OpenFake(FakeRegistry& fake);

}  // namespace maxbrod::registry
