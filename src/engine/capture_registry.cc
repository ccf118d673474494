#include "engine/capture_registry.h"

#include <algorithm>
#include <atomic>
#include <map>
#include <utility>
#include <vector>

#include "engine/capture_metadata.h"
#include "engine/parallel.h"

namespace maxbrod::engine {
namespace {

class RegistryReader {
 public:
  RegistryReader(registry::Registry& registry, const CallContext& context)
      : registry_(registry), context_(context) {}

  Status Run(format::ClusterMetadata* out) {
    MB_ASSIGN_OR_RETURN(std::string mode, registry_.Mode("", context_));
    MB_ASSIGN_OR_RETURN(registry::Compatibility compatibility,
                        registry_.ReadCompatibility("", context_));
    MB_RETURN_IF_ERROR(ReadNames());
    MB_RETURN_IF_ERROR(ForEachInParallel(subjects_.size(), kRegistryRequestsMax,
                                         [&](size_t i) { return ReadSubject(&subjects_[i]); }));
    MB_RETURN_IF_ERROR(ReadVersions());
    out->set_registry_url(registry_.url());
    out->set_registry_mode(mode);
    out->set_registry_compatibility(compatibility.level);
    out->set_registry_settings(compatibility.settings);
    for (Subject& subject : subjects_) {
      if (!subject.Empty()) *out->add_registry_subjects() = std::move(subject.found);
    }
    return Status::Ok();
  }

 private:
  struct Subject {
    format::RegistrySubject found;
    bool is_context = false;
    bool Empty() const {
      return found.versions().empty() && found.mode().empty() && found.compatibility().empty() &&
             found.settings().empty();
    }
  };

  Status ReadNames() {
    MB_ASSIGN_OR_RETURN(auto names, registry_.Subjects(context_));
    // What is configured for a whole context stands under its name.
    MB_ASSIGN_OR_RETURN(auto contexts, registry_.Contexts(context_));
    std::map<std::string, bool> all;
    for (const std::string& context : contexts) all[context] = true;
    for (const std::string& name : names) all[name] = false;
    for (const auto& [name, is_context] : all) {
      subjects_.emplace_back().found.set_subject(name);
      subjects_.back().is_context = is_context;
    }
    return Status::Ok();
  }

  Status ReadSubject(Subject* subject) {
    format::RegistrySubject& found = subject->found;
    const std::string& name = found.subject();
    if (!subject->is_context) MB_RETURN_IF_ERROR(ReadNumbers(name, &found));
    MB_ASSIGN_OR_RETURN(std::string mode, registry_.Mode(name, context_));
    MB_ASSIGN_OR_RETURN(registry::Compatibility compatibility,
                        registry_.ReadCompatibility(name, context_));
    found.set_mode(mode);
    found.set_compatibility(compatibility.level);
    found.set_settings(compatibility.settings);
    return Status::Ok();
  }

  Status ReadNumbers(const std::string& name, format::RegistrySubject* found) {
    MB_ASSIGN_OR_RETURN(auto all, registry_.Versions(name, /*deleted_too=*/true, context_));
    MB_ASSIGN_OR_RETURN(auto listed, registry_.Versions(name, /*deleted_too=*/false, context_));
    for (int32_t version : all) {
      auto* to = found->add_versions();
      to->set_version(version);
      to->set_deleted(!std::binary_search(listed.begin(), listed.end(), version));
    }
    if ((count_ += all.size()) > kRegistryVersionsMax) return TooMuch();
    return Status::Ok();
  }

  // One by one over all subjects: some have hundreds.
  Status ReadVersions() {
    std::vector<std::pair<Subject*, registry::Version*>> wanted;
    for (Subject& subject : subjects_) {
      for (auto& version : *subject.found.mutable_versions())
        wanted.emplace_back(&subject, &version);
    }
    MB_RETURN_IF_ERROR(ForEachInParallel(wanted.size(), kRegistryRequestsMax, [&](size_t i) {
      return ReadVersion(wanted[i].first->found.subject(), wanted[i].second);
    }));
    for (Subject& subject : subjects_) {
      auto* versions = subject.found.mutable_versions();
      auto gone = std::remove_if(versions->begin(), versions->end(),
                                 [](const registry::Version& v) { return v.version() == 0; });
      versions->erase(gone, versions->end());
    }
    return Status::Ok();
  }

  // What was deleted for good meanwhile becomes version 0.
  Status ReadVersion(const std::string& subject, registry::Version* version) {
    auto read = registry_.Read(subject, version->version(), context_);
    if (read.status().code() == Code::kNotFound) {
      version->Clear();
      return Status::Ok();
    }
    MB_RETURN_IF_ERROR(read.status());
    read->set_deleted(version->deleted());
    const size_t bytes = read->ByteSizeLong();
    if (bytes > kRegistryVersionBytesMax) {
      return Status(Code::kUnsupported, subject + " version " + std::to_string(read->version()) +
                                            " has " + std::to_string(bytes) +
                                            " bytes, more than a snapshot's record");
    }
    if ((bytes_ += bytes) > kRegistryBytesMax) return TooMuch();
    *version = std::move(*read);
    return Status::Ok();
  }

  static Status TooMuch() {
    return Status(Code::kUnsupported, "the registry has more schemas than a snapshot takes: " +
                                          std::to_string(kRegistryVersionsMax) + " versions, or " +
                                          std::to_string(kRegistryBytesMax >> 20) + " MiB");
  }

  registry::Registry& registry_;
  const CallContext& context_;
  std::vector<Subject> subjects_;
  std::atomic<size_t> bytes_{0}, count_{0};
};

}  // namespace

Status ReadRegistry(registry::Registry& registry, const CallContext& context,
                    format::ClusterMetadata* out) {
  return RegistryReader(registry, context).Run(out);
}

Status CaptureRegistry(registry::Registry& registry, const CallContext& context,
                       format::ClusterMetadata* out) {
  Status status = ReadRegistry(registry, context.Within(kRegistryReadMax), out);
  MB_RETURN_IF_ERROR(context.Check());
  if (!status.ok()) AddMissing(part::kSchemas, status, out);
  return Status::Ok();
}

}  // namespace maxbrod::engine
