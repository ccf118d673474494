#include "cli/show_schemas.h"

#include <iostream>
#include <nlohmann/json.hpp>

#include "cli/folded.h"
#include "cli/output.h"

namespace maxbrod::cli {
namespace {

using Metadata = format::ClusterMetadata;

nlohmann::json ObjectOf(const std::string& text) {
  auto json = nlohmann::json::parse(text, nullptr, false);
  return json.is_object() ? json : nlohmann::json::object();
}

nlohmann::json VersionJson(const format::RegistrySubject::Version& version) {
  nlohmann::json references = nlohmann::json::array();
  for (const auto& reference : version.references()) {
    references.push_back({{"name", reference.name()},
                          {"subject", reference.subject()},
                          {"version", reference.version()}});
  }
  return {{"version", version.version()},
          {"id", version.id()},
          {"type", version.schema_type()},
          {"deleted", version.deleted()},
          {"references", references},
          {"metadata", ObjectOf(version.metadata())},
          {"rule_set", ObjectOf(version.rule_set())},
          {"schema", version.schema()}};
}

std::string ReferencesText(const format::RegistrySubject::Version& version) {
  std::string text;
  for (const auto& reference : version.references()) {
    text += (text.empty() ? "" : ", ") + reference.subject() + " " +
            std::to_string(reference.version());
  }
  return text;
}

std::string OrDash(const std::string& text) {
  return text.empty() ? "-" : text;
}

}  // namespace

void PrintSchemasSummary(const Metadata& metadata) {
  if (metadata.registry_url().empty()) return;
  size_t versions = 0, deleted = 0;
  for (const auto& subject : metadata.registry_subjects()) {
    versions += static_cast<size_t>(subject.versions_size());
    for (const auto& version : subject.versions()) deleted += version.deleted() ? 1 : 0;
  }
  std::cout << "schemas      "
            << FormatCount(static_cast<size_t>(metadata.registry_subjects_size())) << " subjects, "
            << FormatCount(versions) << " versions (" << FormatCount(deleted) << " deleted) of "
            << metadata.registry_url() << ", " << metadata.registry_compatibility() << ", mode "
            << metadata.registry_mode() << "\n";
}

void PrintSchemasTables(const Metadata& metadata) {
  Table subjects({"SUBJECT", ">VERSION", ">ID", "TYPE", "DELETED", "REFERS TO"});
  Table configured({"SUBJECT", "COMPATIBILITY", "MODE", "OTHER SETTINGS"});
  for (const auto& subject : metadata.registry_subjects()) {
    for (const auto& version : subject.versions()) {
      subjects.Row({subject.subject(), std::to_string(version.version()),
                    std::to_string(version.id()), version.schema_type(),
                    version.deleted() ? "yes" : "-", OrDash(ReferencesText(version))});
    }
    if (subject.compatibility().empty() && subject.mode().empty() && subject.settings().empty())
      continue;
    configured.Row({subject.subject(), OrDash(subject.compatibility()), OrDash(subject.mode()),
                    OrDash(subject.settings())});
  }
  PrintTable(subjects);
  PrintTable(configured);
}

nlohmann::json SchemasJson(const Metadata& metadata) {
  if (metadata.registry_url().empty()) return nlohmann::json();
  nlohmann::json subjects = nlohmann::json::array();
  for (const auto& subject : metadata.registry_subjects()) {
    nlohmann::json versions = nlohmann::json::array();
    for (const auto& version : subject.versions()) versions.push_back(VersionJson(version));
    subjects.push_back({{"subject", subject.subject()},
                        {"mode", subject.mode()},
                        {"compatibility", subject.compatibility()},
                        {"settings", ObjectOf(subject.settings())},
                        {"versions", versions}});
  }
  return {{"url", metadata.registry_url()},
          {"mode", metadata.registry_mode()},
          {"compatibility", metadata.registry_compatibility()},
          {"settings", ObjectOf(metadata.registry_settings())},
          {"subjects", subjects}};
}

}  // namespace maxbrod::cli
