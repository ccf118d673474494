#include "engine/diff.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace maxbrod::engine {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

format::TopicSnapshot& AddTopic(repo::Snapshot* snapshot, const std::string& name, char id,
                                const std::vector<int64_t>& ends) {
  format::TopicSnapshot& topic = snapshot->topics.emplace_back();
  topic.set_topic(name);
  topic.set_topic_id(std::string(16, id));
  topic.set_replication_factor(3);
  for (size_t i = 0; i < ends.size(); ++i) {
    format::PartitionSnapshot* p = topic.add_partitions();
    p->set_partition(static_cast<int32_t>(i));
    p->set_end_offset(ends[i]);
    for (int32_t replica : {1, 2, 3}) p->add_replicas(replica);
  }
  return topic;
}

void SetConfig(format::TopicSnapshot& topic, const std::string& name, const std::string& value,
               int32_t source) {
  format::ConfigEntry* entry = topic.add_configs();
  entry->set_name(name);
  entry->set_value(value);
  entry->set_has_value(true);
  entry->set_source(source);
}

void Commit(repo::Snapshot* snapshot, const std::string& group, const std::string& topic,
            int64_t offset) {
  format::GroupSnapshot& g = snapshot->groups.emplace_back();
  g.set_group(group);
  g.set_type("classic");
  format::GroupOffset* o = g.add_offsets();
  o->set_topic(topic);
  o->set_offset(offset);
  o->set_offset_before_clip(offset);
}

// Two topics, a group, an ACL, a quota, a user, a feature.
repo::Snapshot Sample(const std::string& name) {
  repo::Snapshot s;
  s.ref.set_name(name);
  s.ref.set_id(std::string(16, 'i'));
  s.header.mutable_cluster()->set_cluster_id("source");
  format::BrokerInfo* broker = s.header.mutable_cluster()->add_brokers();
  broker->set_id(1);
  broker->set_host("b1");
  broker->set_port(9092);
  format::TopicSnapshot& orders = AddTopic(&s, "orders", 'o', {100, 200});
  SetConfig(orders, "retention.ms", "1000", 1);
  SetConfig(orders, "cleanup.policy", "delete", 5);
  AddTopic(&s, "bills", 'b', {10});
  Commit(&s, "readers", "orders", 50);
  s.metadata.set_captured(true);
  format::Acl* acl = s.metadata.add_acls();
  acl->set_resource_type(2);
  acl->set_resource_name("orders");
  acl->set_pattern_type(3);
  acl->set_principal("User:alice");
  acl->set_host("*");
  acl->set_operation(3);
  acl->set_permission(3);
  format::ClientQuota* quota = s.metadata.add_quotas();
  quota->add_entities()->set_type("user");
  quota->mutable_entities(0)->set_name("alice");
  quota->add_values()->set_key("producer_byte_rate");
  quota->mutable_values(0)->set_value(1024);
  format::ScramUser* user = s.metadata.add_scram_users();
  user->set_user("alice");
  user->add_credentials()->set_mechanism(1);
  user->mutable_credentials(0)->set_iterations(4096);
  s.metadata.add_features()->set_name("metadata.version");
  s.metadata.mutable_features(0)->set_finalized(20);
  format::ConfigResource* defaults = s.metadata.add_configs();
  defaults->set_type(4);
  defaults->add_configs()->set_name("log.cleaner.threads");
  defaults->mutable_configs(0)->set_value("2");
  defaults->mutable_configs(0)->set_has_value(true);
  return s;
}

// "~ configs orders retention.ms 1000>2000 (note)".
std::vector<std::string> Lines(const DiffReport& report) {
  std::vector<std::string> out;
  for (const DiffEntry& e : report.entries) {
    std::string line(1, "+-~"[static_cast<size_t>(e.change)]);
    line += std::string(" ") + NameOf(e.area) + " " + e.object;
    if (!e.what.empty()) line += " " + e.what;
    if (!e.before.empty() || !e.after.empty()) line += " " + e.before + ">" + e.after;
    if (!e.note.empty()) line += " (" + e.note + ")";
    out.push_back(line);
  }
  return out;
}

std::vector<std::string> Diff(const repo::Snapshot& a, const repo::Snapshot& b,
                              const DiffOptions& options = {}, bool live = false) {
  return Lines(DiffSnapshots(a, b, live, options));
}

TEST(DiffTest, TheSameIsTheSame) {
  DiffReport report = DiffSnapshots(Sample("one"), Sample("two"), false, {});
  EXPECT_THAT(Lines(report), IsEmpty());
  EXPECT_TRUE(report.Outcome().ok());
  EXPECT_THAT(report.notes, IsEmpty());
  EXPECT_EQ(report.a.topics, 2u);
  EXPECT_THAT(report.a.brokers, ElementsAre("1 b1:9092"));
}

TEST(DiffTest, BrokersAndClusterAreTold) {
  repo::Snapshot a = Sample("one"), b = Sample("two");
  b.header.mutable_cluster()->set_cluster_id("target");
  b.header.mutable_cluster()->mutable_brokers(0)->set_host("elsewhere");
  b.header.mutable_cluster()->mutable_brokers(0)->set_id(9);
  for (auto& topic : b.topics) topic.set_topic_id(std::string(16, 'x'));
  DiffReport report = DiffSnapshots(a, b, true, {});
  EXPECT_THAT(Lines(report), IsEmpty()) << "another cluster gives topics ids of its own";
  EXPECT_EQ(report.b.cluster_id, "target");
  EXPECT_EQ(report.b.name, "the cluster");
  EXPECT_EQ(report.b.id, "");
}

TEST(DiffTest, TopicsComeGoAndAreMadeAnew) {
  repo::Snapshot a = Sample("one"), b = Sample("two");
  b.topics.pop_back();
  AddTopic(&b, "new", 'n', {1, 2, 3});
  b.topics[0].set_topic_id(std::string(16, 'p'));
  b.topics[0].set_replication_factor(2);
  b.topics[0].mutable_partitions()->RemoveLast();
  b.topics[0].mutable_partitions(0)->set_replicas(0, 7);
  std::string before = repo::UuidFromString(std::string(16, 'o')).ToBase64();
  std::string after = repo::UuidFromString(std::string(16, 'p')).ToBase64();
  DiffOptions options;
  options.only = {DiffArea::kTopics};
  EXPECT_THAT(
      Diff(a, b, options),
      ElementsAre("- topics bills 1 partitions, replication factor 3>",
                  "+ topics new >3 partitions, replication factor 3",
                  "~ topics orders partitions 2>1", "~ topics orders replication factor 3>2",
                  "~ topics orders topic id " + before + ">" + after + " (made anew)"));
  options.placement = true;
  options.topics = *TopicSelection::Parse({"orders"}, {});
  b.topics[0].set_topic_id(a.topics[0].topic_id());
  b.topics[0].set_replication_factor(3);
  EXPECT_THAT(Diff(a, b, options),
              ElementsAre("~ topics orders partitions 2>1",
                          "~ topics orders replicas 0:[1,2,3] 1:[1,2,3]>0:[7,2,3]"));
}

TEST(DiffTest, ConfigsCountByWhatIsInForce) {
  repo::Snapshot a = Sample("one"), b = Sample("two");
  b.topics[0].mutable_configs(1)->set_source(1);  // cleanup.policy: the same, set on the topic
  SetConfig(b.topics[0], "only.newer.versions", "x", 5);
  EXPECT_THAT(Diff(a, b), IsEmpty());
  DiffOptions strict;
  strict.strict = true;
  EXPECT_THAT(Diff(a, b, strict),
              ElementsAre("~ configs orders cleanup.policy delete (Kafka's default)>delete (topic) "
                          "(set at another level)"));
  b.topics[0].mutable_configs(0)->set_value("2000");
  SetConfig(b.topics[0], "segment.ms", "7", 1);
  EXPECT_THAT(Diff(a, b), ElementsAre("~ configs orders retention.ms 1000>2000",
                                      "+ configs orders segment.ms >7"));
  EXPECT_THAT(Diff(b, a), ElementsAre("~ configs orders retention.ms 2000>1000",
                                      "- configs orders segment.ms 7>"));
}

TEST(DiffTest, DataMovesOnIsCutAndForks) {
  repo::Snapshot a = Sample("one"), b = Sample("two");
  b.topics[0].mutable_partitions(0)->set_end_offset(1304);
  b.topics[0].mutable_partitions(1)->set_end_offset(150);
  b.topics[0].mutable_partitions(1)->set_branch(5);
  format::Branch* branch = b.topics[0].add_branches_used();
  branch->set_id(5);
  branch->set_reason("log truncated at offset 120");
  b.topics[0].add_branches_used_partition(1);
  b.topics[1].mutable_partitions(0)->set_start_offset(4);
  std::vector<std::string> ranges = {"~ data bills-0 start offset 0>4 (-4 offsets at the start)",
                                     "~ data orders-0 end offset 100>1304 (+1,204 offsets since)",
                                     "~ data orders-1 end offset 200>150 (-50 offsets)"};
  EXPECT_THAT(Diff(a, b, {}, true), ::testing::ElementsAreArray(ranges));
  ranges.push_back(
      "~ data orders-1 history branch 0000000000000000>branch 0000000000000005 "
      "(log truncated at offset 120)");
  EXPECT_THAT(Diff(a, b), ::testing::ElementsAreArray(ranges));
}

TEST(DiffTest, GapsCountWhereBothHaveOffsets) {
  repo::Snapshot a = Sample("one"), b = Sample("two");
  auto add = [](repo::Snapshot& s, int64_t start, int64_t end) {
    format::Gap* gap = s.topics[0].mutable_partitions(0)->add_gaps();
    gap->set_start_offset(start);
    gap->set_end_offset(end);
    gap->set_reason("retention");
  };
  add(a, 10, 20);
  add(b, 10, 20);
  add(b, 30, 40);
  EXPECT_THAT(Diff(a, b), ElementsAre("+ data orders-0 gap 30 to 39 >retention"));
  EXPECT_THAT(Diff(b, a), ElementsAre("- data orders-0 gap 30 to 39 retention>"));
  EXPECT_THAT(Diff(a, b, {}, true), IsEmpty()) << "a cluster tells no gaps";
}

TEST(DiffTest, GroupsByTheirCommittedOffsets) {
  repo::Snapshot a = Sample("one"), b = Sample("two");
  b.groups[0].mutable_offsets(0)->set_offset(70);
  b.groups[0].mutable_offsets(0)->set_offset_before_clip(70);
  b.groups[0].set_type("consumer");
  b.groups[0].set_state("Stable");
  b.groups[0].set_members(4);
  Commit(&b, "newcomers", "orders", 1);
  EXPECT_THAT(Diff(a, b), ElementsAre("+ groups group newcomers >classic, 1 offsets",
                                      "~ groups group readers offset of orders-0 50>70 (+20 "
                                      "offsets since)",
                                      "~ groups group readers type classic>consumer"));
  DiffOptions options;
  options.groups.push_back(*NamePattern::Parse("new*"));
  EXPECT_THAT(Diff(a, b, options), ElementsAre("+ groups group newcomers >classic, 1 offsets"));
  options.groups.clear();
  options.topics = *TopicSelection::Parse({"bills"}, {});
  options.only = {DiffArea::kGroups};
  b.groups.pop_back();
  b.groups[0].set_type("classic");
  EXPECT_THAT(Diff(a, b, options), IsEmpty()) << "offsets of other topics do not count";
}

TEST(DiffTest, AClippedOffsetIsWhatTheGroupCommitted) {
  repo::Snapshot a = Sample("one"), b = Sample("live");
  a.groups[0].mutable_offsets(0)->set_offset(100);
  a.groups[0].mutable_offsets(0)->set_offset_before_clip(130);
  b.groups[0].mutable_offsets(0)->set_offset(130);
  b.groups[0].mutable_offsets(0)->set_offset_before_clip(130);
  EXPECT_THAT(Diff(a, b), IsEmpty()) << "the source, where nothing has changed";
  b.groups[0].mutable_offsets(0)->set_offset(100);
  b.groups[0].mutable_offsets(0)->set_offset_before_clip(100);
  EXPECT_THAT(Diff(a, b), IsEmpty()) << "what was restored";
}

TEST(DiffTest, ARenamedRestoreCompares) {
  repo::Snapshot a = Sample("one"), b = Sample("target");
  b.topics[0].set_topic("orders-copy");
  b.topics[0].set_topic_id(std::string(16, 'z'));
  b.groups[0].mutable_offsets(0)->set_topic("orders-copy");
  b.metadata.mutable_acls(0)->set_resource_name("orders-copy");
  DiffOptions options;
  options.renames = *Renames::Parse({"orders=orders-copy"});
  EXPECT_THAT(Diff(a, b, options), IsEmpty());
  AddTopic(&b, "orders", 'o', {100, 200});
  EXPECT_THAT(Diff(a, b, options), IsEmpty()) << "the source's own is not what is compared";
  EXPECT_EQ(DiffSnapshots(a, b, true, {}).counts[0][0], 1u) << "orders-copy is new without it";
}

TEST(DiffTest, MetadataByItsParts) {
  repo::Snapshot a = Sample("one"), b = Sample("two");
  b.metadata.mutable_acls(0)->set_permission(2);
  b.metadata.mutable_quotas(0)->mutable_values(0)->set_value(2048);
  b.metadata.mutable_quotas(0)->add_values()->set_key("request_percentage");
  b.metadata.mutable_quotas(0)->mutable_values(1)->set_value(50);
  b.metadata.mutable_scram_users(0)->mutable_credentials(0)->set_mechanism(2);
  b.metadata.mutable_features(0)->set_finalized(21);
  b.metadata.mutable_configs(0)->mutable_configs(0)->set_value("4");
  EXPECT_THAT(Diff(a, b), ElementsAre("- acls acl on topic orders: allow User:alice read from *",
                                      "+ acls acl on topic orders: deny User:alice read from *",
                                      "~ quotas quota user=alice producer_byte_rate 1024>2048",
                                      "+ quotas quota user=alice request_percentage >50",
                                      "- users user alice SCRAM-SHA-256 4096 iterations>",
                                      "+ users user alice SCRAM-SHA-512 >4096 iterations",
                                      "~ cluster brokers' defaults log.cleaner.threads 2>4",
                                      "~ cluster feature metadata.version level 20>level 21"));
  DiffOptions options;
  options.only = {DiffArea::kQuotas, DiffArea::kUsers};
  EXPECT_EQ(Diff(a, b, options).size(), 4u);
}

TEST(DiffTest, WhatOneSideCannotTellIsNotCompared) {
  repo::Snapshot a = Sample("one"), b = Sample("two");
  b.metadata.clear_acls();
  format::MissingPart* missing = b.metadata.add_missing();
  missing->set_part("acls");
  missing->set_reason("no authorizer");
  DiffReport report = DiffSnapshots(a, b, false, {});
  EXPECT_THAT(Lines(report), IsEmpty());
  EXPECT_THAT(report.notes, ElementsAre("acls are not compared: two lacks them (no authorizer)"));
  b.metadata.Clear();  // of a program that recorded none of this
  report = DiffSnapshots(a, b, false, {});
  EXPECT_THAT(Lines(report), IsEmpty());
  ASSERT_EQ(report.notes.size(), 1u);
  EXPECT_THAT(report.notes[0], HasSubstr("two has none of them recorded"));
  DiffOptions options;
  options.only = {DiffArea::kData};
  EXPECT_THAT(DiffSnapshots(a, b, false, options).notes, IsEmpty());
}

TEST(DiffTest, TheOutcomeCounts) {
  repo::Snapshot a = Sample("one"), b = Sample("two");
  b.topics[0].mutable_configs(0)->set_value("2000");
  b.topics.pop_back();
  DiffReport report = DiffSnapshots(a, b, false, {});
  EXPECT_EQ(report.Outcome().code(), Code::kDifferent);
  EXPECT_EQ(report.Outcome().message(), "one and two differ: 1 in topics, 1 in configs");
  EXPECT_EQ(report.counts[static_cast<size_t>(DiffArea::kConfigs)][2], 1u);
}

TEST(DiffTest, ATopicThatNobodyHasIsAMistake) {
  repo::Snapshot a = Sample("one"), b = Sample("two");
  b.topics.pop_back();
  EXPECT_TRUE(CheckTopicNames(a, b, *TopicSelection::Parse({"orders", "bills", "x*"}, {})).ok());
  Status wrong = CheckTopicNames(a, b, *TopicSelection::Parse({"order"}, {}));
  EXPECT_EQ(wrong.code(), Code::kNotFound);
  EXPECT_THAT(wrong.message(), HasSubstr("'order'"));
}

TEST(DiffTest, AreasHaveNames) {
  auto areas = ParseDiffAreas({"acls", "data"});
  ASSERT_TRUE(areas.ok());
  EXPECT_THAT(*areas, ElementsAre(DiffArea::kAcls, DiffArea::kData));
  auto wrong = ParseDiffAreas({"aclz"});
  EXPECT_EQ(wrong.status().code(), Code::kInvalidArgument);
  EXPECT_THAT(wrong.status().hint(), HasSubstr("acls"));
}

}  // namespace
}  // namespace maxbrod::engine
