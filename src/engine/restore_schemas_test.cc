#include "engine/restore_schemas.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "engine/capture_metadata.h"
#include "engine/capture_registry.h"
#include "engine/diff.h"
#include "engine/schema_order.h"
#include "kafka/fake_broker_testing.h"
#include "registry/registry_fake_testing.h"

namespace maxbrod::engine {
namespace {

using ::testing::Contains;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;
using ::testing::SizeIs;

std::string Record(const std::string& name) {
  return R"({"type":"record","name":")" + name + R"(","fields":[]})";
}

class RestoreSchemasTest : public testing::Test {
 protected:
  RestoreSchemasTest() {
    auto cluster = kafka::Cluster::Connect(brokers_.config(), {});
    MB_CHECK(cluster.ok());
    cluster_ = std::move(cluster).value();
    selection_.acls = selection_.quotas = selection_.users = selection_.configs = false;
    selection_.schemas = true;
    selection_.registry = registry::OpenFake(target_);
  }

  // Two subjects that refer to each other's versions, one deleted version, settings of their own.
  void FillSource() {
    source_.Produce("z-address", Record("address"));
    source_.Produce("z-address", Record("address2"));
    source_.Produce("orders-value", Record("orders"), {{"z-address", 2}});
    source_.Produce("orders-value", Record("orders2"), {{"z-address", 1}});
    source_.SoftDelete("orders-value", 2);
    source_.SoftDelete("z-address", 1);
    source_.levels["orders-value"] = "FULL";
    source_.levels[""] = "NONE";
    source_.modes["z-address"] = "READONLY";
  }
  void TakeSnapshot() {
    snapshot_ = repo::Snapshot();
    snapshot_.metadata.set_captured(true);
    Status read = ReadRegistry(*registry::OpenFake(source_), {}, &snapshot_.metadata);
    ASSERT_TRUE(read.ok()) << read.ToString();
  }
  MetadataPlan Plan() {
    auto plan = PlanMetadata(snapshot_, *cluster_, selection_, {});
    MB_CHECK(plan.ok());
    return std::move(plan).value();
  }
  Result<MetadataReport> Apply(const CallContext& context = {}) {
    return ApplyMetadata(*cluster_, Plan(), progress_, context);
  }
  static const PlannedMetadata& ItemOf(const MetadataPlan& plan, const std::string& name) {
    for (const PlannedMetadata& item : plan.items) {
      if (item.name == name) return item;
    }
    MB_CHECK(false);
  }

  kafka::FakeCluster brokers_;
  std::unique_ptr<kafka::Cluster> cluster_;
  registry::FakeRegistry source_, target_;
  repo::Snapshot snapshot_;
  MetadataSelection selection_;
  Progress progress_;
};

TEST_F(RestoreSchemasTest, AnEmptyRegistryBecomesTheSources) {
  FillSource();
  TakeSnapshot();
  auto report = Apply();
  ASSERT_TRUE(report.ok()) << report.status().ToString();
  EXPECT_THAT(report->failed, IsEmpty());
  EXPECT_EQ(report->created, 3u);
  EXPECT_EQ(target_.Text(), source_.Text());
  // And again: nothing is to be done, and nothing is done.
  target_.calls.clear();
  report = Apply();
  ASSERT_TRUE(report.ok());
  EXPECT_EQ(report->same, 3u);
  for (const std::string& call : target_.calls) EXPECT_THAT(call, HasSubstr("GET"));
}

TEST_F(RestoreSchemasTest, AnIdThatIsAnotherSchemaIsRefusedBeforeAnythingIsTouched) {
  FillSource();
  TakeSnapshot();
  target_.Produce("payments", Record("payments"));
  MetadataPlan plan = Plan();
  EXPECT_EQ(ItemOf(plan, "z-address").action, MetadataAction::kRefuse);
  EXPECT_THAT(ItemOf(plan, "z-address").reason,
              HasSubstr("id 1 of version 1 is another schema there: payments version 1"));
  EXPECT_THAT(plan.Refusal().message(), HasSubstr("payments version 1"));
  target_.calls.clear();
  EXPECT_EQ(Apply().status().code(), Code::kAlreadyExists);
  for (const std::string& call : target_.calls) EXPECT_THAT(call, HasSubstr("GET"));

  // Overwriting changes nothing about another subject's id; skipping leaves the subject out.
  selection_.policies.schemas = MergePolicy::kOverwrite;
  EXPECT_TRUE(Plan().refused());
  selection_.policies.schemas = MergePolicy::kSkip;
  plan = Plan();
  EXPECT_EQ(ItemOf(plan, "z-address").action, MetadataAction::kSkip);
  EXPECT_THAT(plan.warnings, Contains(HasSubstr("subject z-address is not restored")));
  EXPECT_THAT(ItemOf(plan, "orders-value").reason, HasSubstr("refers to z-address version 2"));
}

TEST_F(RestoreSchemasTest, ASubjectThatDiffersFollowsThePolicy) {
  FillSource();
  TakeSnapshot();
  ASSERT_TRUE(Apply().ok());
  target_.modes["z-address"] = "READWRITE";
  target_.Produce("z-address", Record("address3"));
  MetadataPlan plan = Plan();
  EXPECT_EQ(ItemOf(plan, "z-address").action, MetadataAction::kRefuse);
  EXPECT_EQ(ItemOf(plan, "orders-value").action, MetadataAction::kSame);
  selection_.policies.schemas = MergePolicy::kSkip;
  EXPECT_EQ(ItemOf(Plan(), "z-address").action, MetadataAction::kSkip);
  selection_.policies.schemas = MergePolicy::kOverwrite;
  auto report = Apply();
  ASSERT_TRUE(report.ok());
  EXPECT_EQ(report->overwritten, 1u);
  // The newer version is deleted softly, so that its id is still read.
  EXPECT_TRUE(target_.subjects["z-address"][3].deleted());
  EXPECT_EQ(target_.modes["z-address"], "READONLY");
  EXPECT_EQ(ItemOf(Plan(), "z-address").action, MetadataAction::kSame);
}

TEST_F(RestoreSchemasTest, OverwriteReplacesAVersionThatIsInTheWay) {
  source_.Produce("a", Record("one"));
  source_.levels["a"] = "FULL";
  TakeSnapshot();
  target_.Produce("a", Record("other"));
  target_.levels["a"] = "FULL";
  EXPECT_EQ(ItemOf(Plan(), "a").action, MetadataAction::kRefuse);
  selection_.policies.schemas = MergePolicy::kOverwrite;
  auto report = Apply();
  ASSERT_TRUE(report.ok());
  EXPECT_THAT(report->failed, IsEmpty());
  EXPECT_EQ(target_.Text(), source_.Text());
}

TEST_F(RestoreSchemasTest, WhatOthersReferToIsNotReplaced) {
  source_.Produce("a", Record("one"));
  TakeSnapshot();
  target_.Produce("a", Record("other"));
  target_.Produce("b", Record("b"), {{"a", 1}});
  selection_.policies.schemas = MergePolicy::kOverwrite;
  EXPECT_THAT(ItemOf(Plan(), "a").reason, HasSubstr("b version 1 refers to it"));
  EXPECT_TRUE(Plan().refused());
}

TEST_F(RestoreSchemasTest, ARunThatWasKilledAnywhereIsRepeated) {
  FillSource();
  TakeSnapshot();
  // Every call that changes something is the last one of a run, in turn.
  for (size_t last = 1;; ++last) {
    registry::FakeRegistry killed;
    size_t changes = 0;
    bool reached = false;
    killed.fault = [&](const std::string& call) -> std::optional<Result<aws::HttpResponse>> {
      if (call.starts_with("GET") || ++changes <= last) return std::nullopt;
      reached = true;
      return Result<aws::HttpResponse>(Status(Code::kUnavailable, "killed"));
    };
    selection_.registry = registry::OpenFake(killed);
    auto report = Apply(CallContext{Deadline::After(Millis(50)), {}});
    if (!reached) break;
    killed.fault = {};
    report = Apply();
    ASSERT_TRUE(report.ok()) << last << ": " << report.status().ToString();
    EXPECT_THAT(report->failed, IsEmpty()) << last;
    EXPECT_EQ(killed.Text(), source_.Text()) << last;
  }
}

TEST_F(RestoreSchemasTest, ModesArePutBackWhenARunIsStopped) {
  FillSource();
  TakeSnapshot();
  for (const char* at : {"POST", "DELETE /subjects", "PUT /config/", "DELETE /mode"}) {
    registry::FakeRegistry target;
    selection_.registry = registry::OpenFake(target);
    std::stop_source stop;
    target.fault = [&](const std::string& call) -> std::optional<Result<aws::HttpResponse>> {
      if (call.starts_with(at)) stop.request_stop();
      return std::nullopt;
    };
    auto report = Apply(CallContext{Deadline::Never(), stop.get_token()});
    // Modes are put back last, by several threads: whoever gets the stop then may have been the
    // last.
    if (report.ok() && at == std::string_view("DELETE /mode")) {
      EXPECT_EQ(target.Text(), source_.Text());
    } else {
      EXPECT_EQ(report.status().code(), Code::kCancelled) << at;
    }
    for (const auto& [subject, mode] : target.modes) EXPECT_NE(mode, "IMPORT") << subject << at;
    target.fault = {};
    ASSERT_TRUE(Apply().ok()) << at;
    EXPECT_EQ(target.Text(), source_.Text()) << at;
  }
}

TEST_F(RestoreSchemasTest, ARegistryThatForbidsImportIsLeftAsItWas) {
  FillSource();
  TakeSnapshot();
  target_.levels[""] = "NONE";
  target_.fault = [](const std::string& call) -> std::optional<Result<aws::HttpResponse>> {
    if (!call.starts_with("PUT /mode")) return std::nullopt;
    aws::HttpResponse refused;
    refused.status = 422;
    Append(refused.body,
           AsBytes(R"({"error_code":42205,"message":"Mode changes are not allowed"})"));
    return Result<aws::HttpResponse>(refused);
  };
  auto report = Apply();
  ASSERT_TRUE(report.ok()) << report.status().ToString();
  EXPECT_THAT(report->failed, SizeIs(2));
  EXPECT_THAT(report->failed[0], HasSubstr("mode.mutability"));
  EXPECT_TRUE(target_.subjects.empty());
  EXPECT_THAT(target_.calls, Not(Contains(HasSubstr("POST"))));
  EXPECT_THAT(target_.levels, SizeIs(1));
}

TEST_F(RestoreSchemasTest, ARegistryThatGivesItsOwnIdsIsFoundOutAtTheFirst) {
  source_.Produce("gone", Record("gone"));
  for (const char* name : {"a", "b", "c"}) source_.Produce(name, Record(name));
  source_.subjects.erase("gone");
  TakeSnapshot();
  target_.keeps_ids = false;
  auto report = Apply();
  ASSERT_TRUE(report.ok());
  EXPECT_THAT(report->failed, SizeIs(3));
  EXPECT_THAT(report->failed[0], HasSubstr("does not take ids"));
  EXPECT_THAT(target_.subjects, SizeIs(1));
}

TEST_F(RestoreSchemasTest, OtherSubjectsKeepTheirRegistrysSettings) {
  FillSource();
  TakeSnapshot();
  target_.modes[""] = "IMPORT";
  target_.modes["others"] = "READWRITE";
  while (target_.Produce("others",
                         Record("o" + std::to_string(target_.subjects["others"].size()))) < 10) {
  }
  MetadataPlan plan = Plan();
  EXPECT_EQ(ItemOf(plan, "(registry)").action, MetadataAction::kRefuse);
  selection_.policies.schemas = MergePolicy::kSkip;
  EXPECT_EQ(ItemOf(Plan(), "(registry)").action, MetadataAction::kSkip);
}

TEST_F(RestoreSchemasTest, AReadonlyOverrideIsToldBeforehand) {
  FillSource();
  TakeSnapshot();
  target_.modes[""] = "READONLY_OVERRIDE";
  EXPECT_THAT(ItemOf(Plan(), "orders-value").reason, HasSubstr("READONLY_OVERRIDE"));
  EXPECT_TRUE(Plan().refused());
}

TEST_F(RestoreSchemasTest, WithoutARegistryAWarningTellsWhatIsNotRestored) {
  FillSource();
  TakeSnapshot();
  selection_.registry = nullptr;
  MetadataPlan plan = Plan();
  EXPECT_THAT(plan.items, IsEmpty());
  EXPECT_THAT(plan.warnings, Contains(HasSubstr("2 subjects of the Schema Registry")));
}

TEST_F(RestoreSchemasTest, ARegistryThatCannotBeReadIsMissingInTheSnapshot) {
  source_.fault = [](const std::string&) -> std::optional<Result<aws::HttpResponse>> {
    aws::HttpResponse refused;
    refused.status = 403;
    return Result<aws::HttpResponse>(refused);
  };
  format::ClusterMetadata metadata;
  ASSERT_TRUE(CaptureRegistry(*registry::OpenFake(source_), {}, &metadata).ok());
  ASSERT_EQ(metadata.missing_size(), 1);
  EXPECT_EQ(metadata.missing(0).part(), part::kSchemas);
  EXPECT_THAT(metadata.missing(0).reason(), HasSubstr("http://fake:8081"));
  EXPECT_TRUE(metadata.registry_url().empty());
}

TEST_F(RestoreSchemasTest, ASchemaThatNoRecordHoldsIsToldAndLeavesTheRestOfTheBackup) {
  source_.Produce("a", '"' + std::string(kRegistryVersionBytesMax, 'x') + '"');
  format::ClusterMetadata metadata;
  ASSERT_TRUE(CaptureRegistry(*registry::OpenFake(source_), {}, &metadata).ok());
  ASSERT_EQ(metadata.missing_size(), 1);
  EXPECT_THAT(metadata.missing(0).reason(), HasSubstr("a version 1 has"));
}

TEST_F(RestoreSchemasTest, ADiffTellsWhatIsOtherInARegistry) {
  FillSource();
  TakeSnapshot();
  repo::Snapshot before = snapshot_;
  source_.Produce("orders-value", Record("orders3"));
  source_.levels["orders-value"] = "NONE";
  source_.subjects.erase("z-address");
  TakeSnapshot();
  DiffOptions options;
  options.only = {DiffArea::kSchemas};
  DiffReport report = DiffSnapshots(before, snapshot_, false, options);
  std::string text;
  for (const DiffEntry& e : report.entries)
    text += std::string(NameOf(e.change)) + " " + e.object + " " + e.what + "\n";
  EXPECT_EQ(text,
            "changed subject orders-value compatibility\n"
            "added subject orders-value version 3\n"
            "removed subject z-address mode\n"
            "removed subject z-address version 1\n"
            "removed subject z-address version 2\n");
  before.metadata.clear_registry_url();
  report = DiffSnapshots(before, snapshot_, false, options);
  EXPECT_THAT(report.entries, IsEmpty());
  EXPECT_THAT(report.notes, Contains(HasSubstr("schemas are not compared")));
}

TEST(SchemaOrderTest, LevelsFollowReferencesAlsoWithinAContext) {
  google::protobuf::RepeatedPtrField<format::RegistrySubject> subjects;
  auto add = [&](const std::string& subject, int32_t number, const std::string& refers_to) {
    auto* to = subjects.Add();
    to->set_subject(subject);
    auto* version = to->add_versions();
    version->set_version(number);
    if (refers_to.empty()) return;
    auto* reference = version->add_references();
    reference->set_subject(refers_to);
    reference->set_version(1);
  };
  add(":.x:a", 1, "b");
  add(":.x:b", 1, ":.:c");
  add("c", 1, "");
  add("d", 1, "not-there");
  auto levels = SchemaLevels(subjects);
  EXPECT_EQ(levels.at({":.x:a", 1}), 2u);
  EXPECT_EQ(levels.at({":.x:b", 1}), 1u);
  EXPECT_EQ(levels.at({"c", 1}), 0u);
  EXPECT_EQ(levels.at({"d", 1}), 0u);
  add("e", 1, "f");
  add("f", 1, "e");
  levels = SchemaLevels(subjects);
  EXPECT_EQ(levels.at({"e", 1}), 3u);
  EXPECT_EQ(levels.at({"f", 1}), 3u);
}

}  // namespace
}  // namespace maxbrod::engine
