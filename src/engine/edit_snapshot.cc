#include "engine/edit_snapshot.h"

#include <fmt/format.h>

#include <algorithm>

namespace maxbrod::engine {
namespace {

constexpr size_t kTagMax = 100;
constexpr size_t kNameMax = 200;
constexpr size_t kDescriptionMax = 10'000;

using Tags = google::protobuf::RepeatedPtrField<std::string>;

bool Has(const Tags& tags, const std::string& tag) {
  return std::find(tags.begin(), tags.end(), tag) != tags.end();
}

Status CheckOptions(const EditOptions& options) {
  const bool nothing = !options.name && !options.description && !options.clear_tags &&
                       options.add_tags.empty() && options.remove_tags.empty();
  if (nothing) {
    return Status(Code::kInvalidArgument, "nothing to change was named")
        .WithHint("--name, --description, --tag, --untag or --clear-tags");
  }
  if (options.name &&
      (options.name->empty() || *options.name == "latest" || options.name->size() > kNameMax)) {
    return Status(
        Code::kInvalidArgument,
        fmt::format("a snapshot needs a name of 1 to {} bytes other than 'latest'", kNameMax));
  }
  if (options.description && options.description->size() > kDescriptionMax) {
    return Status(Code::kInvalidArgument,
                  fmt::format("a description has at most {} bytes", kDescriptionMax));
  }
  for (const std::string& tag : options.add_tags) MB_RETURN_IF_ERROR(CheckTag(tag));
  return Status::Ok();
}

// What becomes of the tags, in the order they had, new ones last.
Result<Tags> TagsAfter(const format::SnapshotRef& ref, const EditOptions& options) {
  Tags tags;
  for (const std::string& tag : options.remove_tags) {
    if (HasTag(ref, tag)) continue;
    return Status(Code::kNotFound, fmt::format("snapshot '{}' has no tag '{}'", ref.name(), tag))
        .WithHint("'maxbrod snapshots' shows the tags");
  }
  if (!options.clear_tags) {
    for (const std::string& tag : ref.tags()) {
      const auto& remove = options.remove_tags;
      if (std::find(remove.begin(), remove.end(), tag) == remove.end()) *tags.Add() = tag;
    }
  }
  for (const std::string& tag : options.add_tags) {
    if (!Has(tags, tag)) *tags.Add() = tag;
  }
  return tags;
}

}  // namespace

Status CheckTag(const std::string& tag) {
  const bool odd = std::any_of(tag.begin(), tag.end(), [](char c) {
    return c == ',' || c == 0x7f || (static_cast<unsigned char>(c) <= ' ');
  });
  if (!tag.empty() && tag.size() <= kTagMax && !odd) return Status::Ok();
  return Status(Code::kInvalidArgument, fmt::format("'{}' cannot be a tag", tag))
      .WithHint("1 to 100 characters without spaces and commas; repeat --tag for several");
}

Result<EditReport> EditSnapshot(repo::Repository& repository, const std::string& name_or_id,
                                const EditOptions& options, const CallContext& context) {
  MB_RETURN_IF_ERROR(CheckOptions(options));
  MB_RETURN_IF_ERROR(repository.Refresh(context).status());
  MB_ASSIGN_OR_RETURN(const format::SnapshotRef wanted, repository.FindSnapshot(name_or_id));
  EditReport report;
  auto planner = [&](const repo::State& state, const CallContext&) -> Result<repo::Proposal> {
    const format::SnapshotRef* ref = state.FindSnapshotById(wanted.id());
    if (ref == nullptr) {
      return Status(Code::kNotFound, fmt::format("snapshot '{}' was forgotten", wanted.name()));
    }
    MB_ASSIGN_OR_RETURN(Tags tags, TagsAfter(*ref, options));
    report.before = report.after = *ref;
    repo::Proposal proposal;
    format::EditSnapshot edit;
    edit.set_id(ref->id());
    edit.set_reason(options.reason);
    if (options.name && *options.name != ref->name()) edit.set_name(*options.name);
    if (options.description && *options.description != ref->description()) {
      edit.set_description(*options.description);
    }
    if (!std::equal(tags.begin(), tags.end(), ref->tags().begin(), ref->tags().end())) {
      edit.set_set_tags(true);
      *edit.mutable_tags() = tags;
    }
    report.changed = edit.has_name() || edit.has_description() || edit.set_tags();
    if (!report.changed) return proposal;
    if (edit.has_name()) report.after.set_name(edit.name());
    if (edit.has_description()) report.after.set_description(edit.description());
    *report.after.mutable_tags() = tags;
    *proposal.actions.emplace_back().mutable_edit_snapshot() = std::move(edit);
    return proposal;
  };
  MB_ASSIGN_OR_RETURN(report.head, repository.log().Append(planner, context));
  return report;
}

bool HasTag(const format::SnapshotRef& ref, const std::string& tag) {
  return Has(ref.tags(), tag);
}

bool HasTags(const format::SnapshotRef& ref, const std::vector<std::string>& tags) {
  return std::all_of(tags.begin(), tags.end(),
                     [&](const std::string& tag) { return HasTag(ref, tag); });
}

}  // namespace maxbrod::engine
