// Subjects of a Schema Registry.
#include "codec/hash.h"
#include "engine/capture_metadata.h"
#include "engine/diff_internal.h"

namespace maxbrod::engine {
namespace {

using Parts = std::map<std::string, std::string>;

// Enough to see that a text is another one.
constexpr size_t kDigitsShown = 8;

std::string VersionText(const format::RegistrySubject::Version& version) {
  std::string all = version.schema() + version.metadata() + version.rule_set();
  std::string text = "id " + std::to_string(version.id()) + " " + version.schema_type() + " " +
                     ToHex(Sha256(AsBytes(all))).substr(0, kDigitsShown);
  for (const auto& reference : version.references())
    text += ", refers to " + reference.subject() + " " + std::to_string(reference.version());
  return text + (version.deleted() ? ", deleted" : "");
}

void AddSettings(const std::string& mode, const std::string& compatibility,
                 const std::string& settings, Parts* out) {
  if (!mode.empty()) (*out)["mode"] = mode;
  if (!compatibility.empty()) (*out)["compatibility"] = compatibility;
  if (!settings.empty()) (*out)["settings"] = settings;
}

std::map<std::string, Parts> PartsOf(const format::ClusterMetadata& metadata) {
  std::map<std::string, Parts> out;
  AddSettings(metadata.registry_mode(), metadata.registry_compatibility(),
              metadata.registry_settings(), &out["registry"]);
  for (const auto& subject : metadata.registry_subjects()) {
    Parts& parts = out["subject " + subject.subject()];
    AddSettings(subject.mode(), subject.compatibility(), subject.settings(), &parts);
    for (const auto& version : subject.versions())
      parts["version " + std::to_string(version.version())] = VersionText(version);
  }
  return out;
}

}  // namespace

// Where no registry was named on either side there is nothing to tell.
void Differ::CompareSchemas() {
  const bool in_a = !a_.metadata.registry_url().empty(), in_b = !b_.metadata.registry_url().empty();
  if (!MetadataKnown(part::kSchemas, DiffArea::kSchemas) || (!in_a && !in_b)) return;
  if (!in_a || !in_b) {
    report_.notes.push_back("schemas are not compared: of " +
                            (in_a ? report_.b.name : report_.a.name) +
                            " no Schema Registry was read");
    return;
  }
  CompareParts(DiffArea::kSchemas, PartsOf(a_.metadata), PartsOf(b_.metadata));
}

}  // namespace maxbrod::engine
