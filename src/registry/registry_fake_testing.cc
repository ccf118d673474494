#include "registry/registry_fake_testing.h"

#include <algorithm>

#include "aws/uri.h"

namespace maxbrod::registry {
namespace {

using nlohmann::json;

std::vector<std::string> Split(std::string_view path) {
  std::vector<std::string> out;
  while (!path.empty()) {
    path.remove_prefix(1);  // '/'
    size_t end = std::min(path.find('/'), path.size());
    out.push_back(aws::UriDecode(path.substr(0, end)).value_or(""));
    path.remove_prefix(end);
  }
  return out;
}

json Error(int code) {
  return {{"error_code", code}, {"message", "refused"}};
}

}  // namespace

Result<aws::HttpResponse> FakeRegistry::Send(const aws::HttpRequest& request,
                                             const CallContext& context) {
  MB_RETURN_IF_ERROR(context.Check());
  std::lock_guard lock(mutex_);
  const std::string target = request.url.substr(request.url.find('/', 8));
  calls.push_back(request.method + " " + target);
  if (fault) {
    auto instead = fault(calls.back());
    if (instead) return *instead;
  }
  std::string text;
  for (ByteView piece : request.body) text += AsText(piece);
  Reply reply = Route(request.method, target, text.empty() ? json() : json::parse(text));
  aws::HttpResponse response;
  response.status = reply.status;
  Append(response.body, AsBytes(reply.body.dump()));
  return response;
}

std::string FakeRegistry::ModeOf(const std::string& subject) const {
  auto found = modes.find(subject);
  return found == modes.end() ? modes.at("") : found->second;
}

FakeRegistry::Reply FakeRegistry::Route(const std::string& method, const std::string& target,
                                        const json& body) {
  const size_t mark = std::min(target.find('?'), target.size());
  const std::string query = target.substr(mark);
  auto path = Split(std::string_view(target).substr(0, mark));
  const bool deleted = query.starts_with("?deleted=true"), permanent = query == "?permanent=true";
  if (path[0] == "contexts") return {404, Error(404)};
  if (path[0] == "mode" || path[0] == "config")
    return Setting(method, path[0], path.size() > 1 ? path[1] : "", query == "?force=true", body);
  if (path.size() == 1) {
    json names = json::array();
    for (const auto& [name, versions] : subjects) {
      bool listed = std::any_of(versions.begin(), versions.end(),
                                [&](const auto& v) { return deleted || !v.second.deleted(); });
      if (listed) names.push_back(name);
    }
    return {200, names};
  }
  return Subject(method, path, deleted, permanent, body);
}

FakeRegistry::Reply FakeRegistry::Setting(const std::string& method, const std::string& what,
                                          const std::string& subject, bool force,
                                          const json& body) {
  auto& held = what == "mode" ? modes : levels;
  if (method == "PUT") {
    std::string value = body.at(what == "mode" ? "mode" : "compatibility");
    bool there = subjects.contains(subject);
    if (value == kImportMode && there && ModeOf(subject) != kImportMode && !force)
      return {422, Error(42205)};
    if (what == "config" && ModeOf(subject).starts_with("READONLY")) return {422, Error(42205)};
    held[subject] = value;
    return {200, body};
  }
  auto found = held.find(subject);
  if (found == held.end()) return {404, Error(what == "mode" ? 40409 : 40408)};
  json out = {{what == "mode" ? "mode" : "compatibilityLevel", found->second}};
  if (method == "DELETE") held.erase(found);
  return {200, out};
}

bool FakeRegistry::ReferredTo(const std::string& subject, int32_t version, bool by_deleted) const {
  for (const auto& [name, versions] : subjects) {
    for (const auto& [number, one] : versions) {
      if (one.deleted() && !by_deleted) continue;
      for (const auto& reference : one.references()) {
        if (reference.subject() == subject && reference.version() == version) return true;
      }
    }
  }
  return false;
}

FakeRegistry::Reply FakeRegistry::Register(const std::string& subject, const json& body) {
  const bool import = ModeOf(subject) == kImportMode;
  const int32_t id = body.value("id", -1);
  if (import != (id >= 0)) return {422, Error(42205)};
  Version version;
  version.set_schema(body.at("schema"));
  version.set_schema_type(body.value("schemaType", "AVRO"));
  for (const json& reference : body.value("references", json::array())) {
    auto* to = version.add_references();
    to->set_name(reference.at("name"));
    to->set_subject(reference.at("subject"));
    to->set_version(reference.at("version"));
    if (!subjects[to->subject()].contains(to->version())) return {422, Error(42201)};
  }
  auto& versions = subjects[subject];
  version.set_version(body.value("version", versions.empty() ? 1 : versions.rbegin()->first + 1));
  version.set_id(import && keeps_ids ? id : last_id_ + 1);
  for (const auto& [name, others] : subjects) {
    for (const auto& [number, other] : others) {
      if (other.id() == version.id() && !SameSchema(other, version)) return {422, Error(42205)};
    }
  }
  last_id_ = std::max(last_id_, version.id());
  versions[version.version()] = version;
  return {200, {{"id", version.id()}}};
}

FakeRegistry::Reply FakeRegistry::Remove(const std::string& subject, int32_t version,
                                         bool permanent) {
  auto& versions = subjects[subject];
  auto found = versions.find(version);
  if (found == versions.end()) return {404, Error(40402)};
  if (found->second.deleted() != permanent) return {404, Error(permanent ? 40407 : 40406)};
  if (ModeOf(subject).starts_with("READONLY")) return {422, Error(42205)};
  if (ReferredTo(subject, version, permanent)) return {422, Error(42206)};
  if (!permanent) {
    found->second.set_deleted(true);
    return {200, version};
  }
  versions.erase(found);
  if (versions.empty()) {
    subjects.erase(subject);
    modes.erase(subject);
    levels.erase(subject);
  }
  return {200, version};
}

FakeRegistry::Reply FakeRegistry::Subject(const std::string& method,
                                          const std::vector<std::string>& path, bool deleted,
                                          bool permanent, const json& body) {
  if (method == "POST") return Register(path[1], body);
  if (method == "DELETE") return Remove(path[1], std::stoi(path[3]), permanent);
  auto found = subjects.find(path[1]);
  if (found == subjects.end()) return {404, Error(40401)};
  if (path.size() == 3) {
    json numbers = json::array();
    for (const auto& [number, version] : found->second) {
      if (deleted || !version.deleted()) numbers.push_back(number);
    }
    return numbers.empty() ? Reply{404, Error(40401)} : Reply{200, numbers};
  }
  auto version = found->second.find(std::stoi(path[3]));
  if (version == found->second.end()) return {404, Error(40402)};
  json out = json::parse(RegisterBody(version->second));
  return {200, out};
}

int32_t FakeRegistry::Produce(const std::string& subject, const std::string& schema,
                              const std::vector<std::pair<std::string, int32_t>>& references) {
  std::lock_guard lock(mutex_);
  json body = {{"schema", schema}};
  for (const auto& [name, version] : references)
    body["references"].push_back({{"name", name}, {"subject", name}, {"version", version}});
  Reply reply = Register(subject, body);
  MB_CHECK(reply.status == 200);
  return reply.body.at("id");
}

void FakeRegistry::SoftDelete(const std::string& subject, int32_t version) {
  std::lock_guard lock(mutex_);
  MB_CHECK(Remove(subject, version, false).status == 200);
}

std::string FakeRegistry::Text() {
  std::lock_guard lock(mutex_);
  std::string out;
  for (const auto& [name, versions] : subjects) {
    for (const auto& [number, version] : versions)
      out += name + " " + version.ShortDebugString() + "\n";
  }
  for (const auto& [name, mode] : modes) out += "mode " + name + " " + mode + "\n";
  for (const auto& [name, level] : levels) out += "level " + name + " " + level + "\n";
  return out;
}

std::shared_ptr<Registry> OpenFake(FakeRegistry& fake) {
  RegistryConfig config;
  config.urls = {"http://fake:8081"};
  // Not ours to delete.
  return std::make_shared<Registry>(config, std::shared_ptr<aws::HttpClient>(&fake, [](auto*) {}),
                                    Clock::System());
}

}  // namespace maxbrod::registry
