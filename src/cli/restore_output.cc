#include "cli/restore_output.h"

#include <algorithm>
#include <iostream>
#include <nlohmann/json.hpp>
#include <utility>

#include "cli/folded.h"
#include "cli/metadata_output.h"
#include "cli/output.h"
#include "cli/pace_flags.h"
#include "cli/thaw_flags.h"

namespace maxbrod::cli {
namespace {

nlohmann::json TargetJson(const engine::TargetTopic& now) {
  return {{"partitions", now.partitions},
          {"replication_factor", now.replication_factor},
          {"offsets_held", now.held},
          {"end_offsets", now.end_offsets},
          {"configs", now.configs}};
}

nlohmann::json TopicJson(const engine::PlannedTopic& topic) {
  nlohmann::json configs = nlohmann::json::array();
  for (const auto& c : topic.configs)
    configs.push_back({{"name", c.name}, {"value", c.value}, {"reason", c.reason}});
  nlohmann::json partitions = nlohmann::json::array();
  for (const auto& p : topic.partitions) {
    nlohmann::json partition = {{"partition", p.partition},
                                {"log_start_offset", p.log_start},
                                {"end_offset", p.end},
                                {"target_end_offset", p.log_end()},
                                {"filler", p.map ? 0 : p.data_start},
                                {"records", p.records},
                                {"bytes", p.bytes}};
    if (p.cut && !p.cut->at_end && !p.cut->bound) {
      partition["cut_offset"] = p.cut->offset;
      partition["cut_newest_ms"] = p.cut->timestamp_of_last;
    }
    if (!p.replicas.empty()) partition["replicas"] = p.replicas;
    partitions.push_back(std::move(partition));
  }
  return {{"source", topic.source},
          {"action", engine::TopicActionName(topic.action)},
          {"repartition", topic.repartition},
          {"target_now", topic.target_now ? TargetJson(*topic.target_now) : nlohmann::json()},
          {"target", topic.target},
          {"exists", topic.exists},
          {"offsets", engine::OffsetsModeName(topic.mode)},
          {"offsets_why", topic.mode_why},
          {"append", topic.append},
          {"markers", topic.markers},
          {"cleaned", topic.filled},
          {"aborted_transactions", topic.transactions},
          {"old_formats", topic.old_formats},
          {"seconds_estimate", topic.seconds_estimate},
          {"disk_bytes", topic.disk_bytes},
          {"disk_temporary_bytes", topic.disk_temporary},
          {"replication_factor", topic.replication_factor},
          {"log_append_time", topic.log_append_time},
          {"filler", topic.filler},
          {"records", topic.records},
          {"bytes", topic.bytes},
          {"expiring_records", topic.expiring_records},
          {"expiring_bytes", topic.expiring_bytes},
          {"configs", configs},
          {"configs_left_out", topic.configs_left_out},
          {"partitions", partitions}};
}

// By name: a plan has them as the snapshot has.
size_t PartitionsOf(const engine::PlannedTopic& topic) {
  return topic.repartition > 0 ? static_cast<size_t>(topic.repartition) : topic.partitions.size();
}

std::vector<const engine::PlannedTopic*> SortedTopics(const engine::RestorePlan& plan) {
  std::vector<const engine::PlannedTopic*> out;
  for (const auto& topic : plan.topics) out.push_back(&topic);
  for (const auto& topic : plan.repartitioned) out.push_back(&topic);
  for (const auto& topic : plan.configs_only) out.push_back(&topic);
  std::sort(out.begin(), out.end(), [](auto* a, auto* b) { return a->source < b->source; });
  return out;
}

std::vector<const engine::PlannedGroup*> SortedGroups(const engine::RestorePlan& plan) {
  std::vector<const engine::PlannedGroup*> out;
  for (const auto& group : plan.groups) out.push_back(&group);
  std::sort(out.begin(), out.end(), [](auto* a, auto* b) { return a->group < b->group; });
  return out;
}

nlohmann::json PlanJson(const engine::RestorePlan& plan, const engine::ThawOptions& thaw) {
  nlohmann::json out = {{"snapshot", plan.snapshot.ref.name()},
                        {"target_cluster_id", plan.target_cluster_id},
                        {"parts", plan.parts.Text()},
                        {"records", plan.records},
                        {"bytes", plan.bytes},
                        {"filler", plan.filler},
                        {"markers", plan.markers},
                        {"markers_by", engine::MarkerMeansName(plan.abilities.markers)},
                        {"aborted_transactions", plan.transactions},
                        {"disk_bytes", plan.disk_bytes},
                        {"seconds_estimate", plan.seconds_estimate},
                        {"estimate_measured", plan.rates.measured},
                        {"warnings", plan.warnings},
                        {"refusals", plan.refusals},
                        {"thaw", ThawJson(plan.thaw, thaw, plan.seconds_estimate)}};
  out["topics"] = nlohmann::json::array();
  for (const auto* topic : SortedTopics(plan)) out["topics"].push_back(TopicJson(*topic));
  out["topics_skipped"] = nlohmann::json::array();
  for (const auto& topic : plan.skipped) {
    out["topics_skipped"].push_back({{"source", topic.source},
                                     {"target", topic.target},
                                     {"why", topic.why},
                                     {"target_now", TargetJson(topic.target_now)}});
  }
  out["groups_skipped"] = plan.skipped_groups;
  out["metadata"] = plan.metadata ? MetadataPlanJson(*plan.metadata) : nlohmann::json();
  out["groups"] = nlohmann::json::array();
  for (const auto* group : SortedGroups(plan)) {
    out["groups"].push_back({{"group", group->group},
                             {"type", group->type},
                             {"action", engine::GroupActionName(group->action)},
                             {"offsets", group->offsets.size()},
                             {"target_offsets", group->target_offsets},
                             {"changes", group->changes},
                             {"later", group->later},
                             {"left_out", group->left_out}});
  }
  return out;
}

std::string TopicNote(const engine::PlannedTopic& topic) {
  std::vector<std::string> notes;
  if (topic.action == engine::TopicAction::kReplace) notes.push_back("replaces what is there");
  if (topic.exists) notes.push_back(topic.append ? "appended to" : "exists, empty");
  if (!topic.mode_why.empty()) notes.push_back(topic.mode_why);
  if (topic.transactions > 0)
    notes.push_back(FormatCount(topic.transactions) + " aborted transactions");
  if (topic.filled > 0)
    notes.push_back(FormatCount(topic.filled) + " offsets filled, then cleaned away");
  if (topic.old_formats) notes.push_back("old message format converted");
  if (topic.log_append_time) notes.push_back("append times kept, shown as CreateTime");
  if (topic.expiring_records > 0) {
    notes.push_back(FormatCount(topic.expiring_records) + " records expire soon (" +
                    topic.expiring_why + ")");
  }
  std::string text;
  for (const auto& note : notes) text += (text.empty() ? "" : "; ") + note;
  return text;
}

std::string OffsetsNote(const engine::RestorePlan& plan) {
  size_t dense = 0;
  for (const auto& topic : plan.topics) dense += topic.mode == engine::OffsetsMode::kDense ? 1 : 0;
  if (dense == 0) return "same offsets";
  return (dense == plan.topics.size() ? "other offsets"
                                      : "same offsets but for " + FormatCount(dense) + " topics") +
         " ('maxbrod offsets' translates)";
}

std::string PartitionsText(size_t partitions, uint64_t records) {
  return FormatCount(partitions) + (partitions == 1 ? " part, " : " parts, ") +
         FormatCount(records) + " records";
}

std::string NowText(const engine::TargetTopic& now) {
  return FormatCount(static_cast<uint64_t>(now.partitions)) +
         (now.partitions == 1 ? " part, " : " parts, ") +
         FormatCount(static_cast<uint64_t>(now.held)) + " offsets";
}

// What is there, what the snapshot has, what will be: of topics that the target has already.
void PrintThreeWays(const engine::RestorePlan& plan) {
  Table table({"TOPIC", "IN SNAPSHOT", "ON TARGET", "WILL BE"});
  auto row = [&](const engine::PlannedTopic& topic) {
    if (!topic.target_now) return;
    table.Row({topic.target, PartitionsText(topic.partitions.size(), topic.records),
               NowText(*topic.target_now),
               topic.action == engine::TopicAction::kReplace   ? "deleted, then as in snapshot"
               : topic.action == engine::TopicAction::kAppend  ? "both, the snapshot's behind"
               : topic.action == engine::TopicAction::kConfigs ? "as it is, configs as in snapshot"
                                                               : "filled"});
  };
  for (const auto* topic : SortedTopics(plan)) row(*topic);
  for (const auto& topic : plan.skipped) {
    table.Row({topic.target, FormatCount(topic.partitions) + " parts", NowText(topic.target_now),
               "as it is: " + topic.why});
  }
  PrintTable(table);
}

void PrintConfigs(const engine::RestorePlan& plan) {
  Table table({"TOPIC", "CONFIG", "ON TARGET", "WILL BE", "WHY"});
  auto rows = [&](const engine::PlannedTopic& topic) {
    auto now = [&](const std::string& name) -> std::string {
      if (!topic.target_now) return "-";
      auto found = topic.target_now->configs.find(name);
      return found == topic.target_now->configs.end() ? "-" : found->second;
    };
    for (const auto& c : topic.configs)
      table.Row({topic.target, c.name, now(c.name), c.value, c.reason});
    for (const auto& name : topic.configs_left_out)
      table.Row({topic.target, name, now(name), "-", "left out"});
  };
  for (const auto* topic : SortedTopics(plan)) rows(*topic);
  PrintTable(table);
}

// A user who expects a whole cluster shall see what is missing.
void PrintNotAskedFor(const engine::RestorePlan& plan) {
  const format::ClusterMetadata& metadata = plan.snapshot.metadata;
  std::string list;
  auto add = [&](bool restored, int count, const char* what) {
    if (restored || count == 0) return;
    list += (list.empty() ? "" : ", ") + FormatCount(static_cast<uint64_t>(count)) + " " + what;
  };
  add(plan.parts.acls, metadata.acls_size(), "ACLs");
  add(plan.parts.quotas, metadata.quotas_size(), "quotas");
  add(plan.parts.users, metadata.scram_users_size(), "SCRAM users");
  add(plan.parts.schemas, metadata.registry_subjects_size(), "subjects of the Schema Registry");
  if (!list.empty()) std::cout << "\nnot asked for: " << list << " (--parts all)\n";
}

void PrintGroups(const engine::RestorePlan& plan) {
  Table table({"GROUP", "TYPE", ">OFFSETS", ">LEFT OUT", ">ON TARGET", ">CHANGED", "WILL BE"});
  for (const auto* planned : SortedGroups(plan)) {
    const engine::PlannedGroup& group = *planned;
    table.Row({group.group, group.type, std::to_string(group.offsets.size()),
               std::to_string(group.left_out), std::to_string(group.target_offsets),
               std::to_string(group.changes), engine::GroupActionName(group.action)});
  }
  for (const auto& name : plan.skipped_groups)
    table.Row({name, "", "", "", "", "", "as it is (--if-exists skip)"});
  PrintTable(table);
}

}  // namespace

void PrintPlan(const engine::RestorePlan& plan, const engine::ThawOptions& thaw,
               const Globals& globals) {
  if (globals.json) {
    std::cout << PlanJson(plan, thaw).dump() << "\n";
    return;
  }
  std::cout << "plan: snapshot '" << plan.snapshot.ref.name() << "' into cluster "
            << plan.target_cluster_id << "\n\n";
  // What few restores have is blank, and its column not shown, where there is none.
  auto unless_none = [](uint64_t value, std::string text) {
    return value == 0 ? std::string() : std::move(text);
  };
  Table topics({"TOPIC", "?>PARTS", "?>RF", "OFFSETS", ">RECORDS", ">SIZE", ">FILLER", ">MARKERS",
                ">TIME", "?>TEMP DISK", "NOTE"});
  for (const auto* planned : SortedTopics(plan)) {
    const engine::PlannedTopic& topic = *planned;
    if (topic.action == engine::TopicAction::kConfigs) continue;
    std::string name =
        topic.source == topic.target ? topic.target : topic.source + " -> " + topic.target;
    topics.Row({name, std::to_string(PartitionsOf(topic)), std::to_string(topic.replication_factor),
                engine::OffsetsModeName(topic.mode), FormatCount(topic.records),
                FormatBytes(topic.bytes), unless_none(topic.filler, FormatCount(topic.filler)),
                unless_none(topic.markers, FormatCount(topic.markers)),
                FormatDuration(topic.seconds_estimate),
                unless_none(topic.disk_temporary, FormatBytes(topic.disk_temporary)),
                TopicNote(topic)});
  }
  topics.Print(std::cout);
  Table cuts({"PARTITION", ">CUT AT OFFSET", "NEWEST RECORD KEPT"});
  for (const auto* planned : SortedTopics(plan)) {
    const engine::PlannedTopic& topic = *planned;
    for (const auto& p : topic.partitions) {
      if (!p.cut || p.cut->at_end) continue;
      std::string offset = (p.cut->bound ? "<= " : "") + std::to_string(p.cut->offset);
      cuts.Row({topic.source + "-" + std::to_string(p.partition), offset,
                p.cut->timestamp_of_last < 0 ? "-" : FormatTime(p.cut->timestamp_of_last)});
    }
  }
  PrintTable(cuts);
  PrintThreeWays(plan);
  PrintConfigs(plan);
  PrintGroups(plan);
  if (plan.metadata) {
    std::cout << "\n";
    PrintMetadataPlan(*plan.metadata);
  }
  PrintNotAskedFor(plan);
  std::cout << "\n"
            << FormatCount(plan.records) << " records, " << FormatBytes(plan.bytes) << "; "
            << FormatCount(plan.filler) << " filler offsets, " << FormatCount(plan.markers)
            << " markers (" << engine::MarkerMeansName(plan.abilities.markers) << "); about "
            << FormatBytes(plan.disk_bytes) << " of the brokers' disks, about "
            << FormatDuration(plan.seconds_estimate) << "\n";
  PrintThaw(plan.thaw, thaw, plan.seconds_estimate);
}

void PrintRestoreReport(const engine::RestoreReport& report, const engine::ThawOptions& thaw,
                        const Globals& globals) {
  const engine::RestorePlan& plan = report.plan;
  if (globals.json) {
    nlohmann::json out = {
        {"restore_id", report.restore_id},
        {"already_done", report.already_done},
        {"resumed", report.resumed},
        {"seconds", report.seconds},
        {"groups_restored", report.groups_restored},
        {"groups_expire_ms", report.groups_expire_ms},
        {"produce_requests", report.produced.requests},
        {"produced_batches", report.produced.batches},
        {"markers_written", report.produced.markers},
        {"produce_seconds", report.produced.seconds},
        {"cleaner_seconds", report.cleaner_seconds},
        {"log_start_seconds", report.log_start_seconds},
        {"settled", report.produced.parked},
        {"transactions_aborted", report.produced.transactions},
        {"redone", report.redone},
        {"metadata", report.metadata ? MetadataReportJson(*report.metadata) : nlohmann::json()},
        {"warnings", report.warnings},
        {"plan", PlanJson(plan, thaw)}};
    AddPaceJson(report.pace, &out);
    std::cout << out.dump() << "\n";
    return;
  }
  if (report.already_done) {
    std::cout << "already restored (restore " << report.restore_id.substr(0, 8)
              << "): nothing was touched\n";
    return;
  }
  double rate = report.seconds > 0 ? static_cast<double>(plan.bytes) / report.seconds : 0;
  std::cout << (report.resumed ? "resumed and " : "") << "restored '" << plan.snapshot.ref.name()
            << "': " << FormatCount(plan.topics.size()) << " topics, " << FormatCount(plan.records)
            << " records, " << FormatBytes(plan.bytes) << " in " << FormatDuration(report.seconds)
            << " (" << FormatBytes(static_cast<uint64_t>(rate)) << "/s, "
            << FormatCount(report.produced.requests) << " produce requests), " << OffsetsNote(plan)
            << "\n";
  std::cout << "estimated " << FormatDuration(plan.seconds_estimate)
            << (plan.rates.measured ? " (measured on the target); " : " (a guess); ")
            << FormatCount(plan.filler) << " filler offsets, "
            << FormatCount(report.produced.markers) << " markers and "
            << FormatCount(report.produced.transactions) << " aborted transactions written\n";
  std::cout << "producing took " << FormatDuration(report.produced.seconds)
            << ", the brokers' cleaner " << FormatDuration(report.cleaner_seconds)
            << ", log starts on disk " << FormatDuration(report.log_start_seconds) << "\n";
  if (report.groups_restored > 0) {
    std::cout << FormatCount(report.groups_restored) << " groups; unused, their offsets live "
              << (report.groups_expire_ms > 0 ? "until " + FormatTime(report.groups_expire_ms)
                                              : "for as long as the target is set to")
              << "\n";
  }
  if (report.metadata) PrintMetadataReport(*report.metadata);
  for (const auto& topic : report.redone) std::cout << "restored twice: " << topic << "\n";
}

}  // namespace maxbrod::cli
