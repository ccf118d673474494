#include "repo/golden_testing.h"

#include <gtest/gtest.h>

#include "codec/hash.h"
#include "repo/checkpoint.h"
#include "repo/commit_codec.h"
#include "repo/content_object.h"
#include "repo/manifest.h"
#include "repo/vault.h"

namespace maxbrod::repo {
namespace {

constexpr int64_t kStart = 1'700'000'000'000;
const char kProgram[] = "maxbrod golden";

std::string Id(uint8_t first) {
  return ToString(ByteView(TestSalt(first)).first(16));
}

class Builder {
 public:
  explicit Builder(store::Store& store) : store_(store), keys_(KeysOf(store)) {}

  GoldenRepository Build() {
    WriteConfig();
    if (keys_ != nullptr) WriteSlots();
    WritePacks();
    Commit(1, {AddPacks(golden_.pack, Claims())});
    format::ObjectRef orders = WriteManifest("orders", 0x30);
    format::ObjectRef payments = WriteManifest("payments", 0x31);
    format::ObjectRef snapshot = WriteSnapshot(orders, payments);
    Commit(2, {SetManifests("orders", orders), SetManifests("payments", payments), FoldPacks(),
               AddSnapshot(snapshot)});
    Commit(3, LastActions());
    WriteCheckpoint();
    Commit(4, {FinishRestore(WriteOffsetMap())});
    return golden_;
  }

 private:
  template <typename Record>
  Bytes Object(ObjectType type, const std::string& name, uint8_t salt,
               const std::vector<Record>& records) {
    ObjectBuilder builder(type, keys_, name, TestSalt(salt));
    for (const Record& r : records) EXPECT_TRUE(builder.Add(r).ok());
    return builder.Finish();
  }

  void Put(const std::string& name, ByteView bytes) {
    auto put = store_.PutIfAbsent(name, bytes, {});
    EXPECT_TRUE(put.ok() && put->outcome == store::PutOutcome::kCreated) << name;
  }

  void WriteConfig() {
    format::Config config;
    config.set_repository_id(Id(0x10));
    config.set_format_version(1);
    config.set_created_ms(kStart);
    config.set_created_by(kProgram);
    if (keys_ != nullptr) {
      config.set_crypto(format::CRYPTO_AES_256_GCM);
      config.set_key_check(keys_->KeyCheck());
    }
    Bytes bytes = Object<format::Config>(ObjectType::kConfig, kConfigName, 0x11, {config});
    config_sha256_ = ToString(Sha256(bytes));
    Put(kConfigName, bytes);
    Put(kConfigCopyName, bytes);
  }

  // Slots are verified by opening them, so the cheapest Argon2id.
  void WriteSlots() {
    SlotSecret passphrase;
    passphrase.passphrase = SecretBytes(AsBytes(kGoldenPassphrase));
    WriteSlot(passphrase, 0x90);
    WriteSlot(GoldenKeyFile(), 0x98);
  }

  void WriteSlot(const SlotSecret& secret, uint8_t first) {
    Salt salt = TestSalt(static_cast<uint8_t>(first + 1));
    NewSlot slot;
    slot.label = "golden";
    slot.program = kProgram;
    slot.created_ms = kStart;
    slot.cost = {1, kArgon2MemoryKibMin, 1};
    slot.fixed_id = Id(first);
    slot.fixed_kdf_salt = Id(static_cast<uint8_t>(first + 2));
    slot.fixed_salt = &salt;
    auto object = MakeKeySlot(*keys_, secret, slot, {});
    ASSERT_TRUE(object.ok()) << object.status().ToString();
    Put(object->name, object->bytes);
  }

  void WritePacks() {
    golden_.blocks = {MakeBlock("orders", 0, 0, {40, 60}), MakeBlock("payments", 0, 5, {30}),
                      MakeBlock("orders", 1, 100, {20}), MakeBlock("orders", 0, 30, {50})};
    BlockStats& late = golden_.blocks[3].stats;
    late.missing_before = 10;
    late.flags = kBlockTransactional | kBlockIdempotent;
    late.markers = 1;
    late.aborted = {{4000, 30, 39}};
    BlockStats& compacted = golden_.blocks[1].stats;
    compacted.holes_inside = 2;
    compacted.flags = kBlockLogAppendTime;
    golden_.blocks[1].owner.branch = 77;
    golden_.blocks[1].owner.generation = Generation(1);
    PackOptions options;
    options.salt = TestSalt(0x20);
    sealed_ = WritePack(store_, golden_.blocks, options);
    golden_.pack = sealed_.ref;

    golden_.small_blocks = {MakeBlock("orders", 0, 40, {700})};
    options.salt = TestSalt(0x28);
    options.small = true;
    if (keys_ == nullptr) options.zstd_level = 1;
    SealedPack small = WritePack(store_, golden_.small_blocks, options);
    golden_.small_ref = small.ref;
    golden_.small_pack = PackName(small.ref);
  }

  void Commit(uint64_t sequence, std::vector<format::CommitRecord> actions) {
    format::CommitRecord record;
    format::CommitHeader* header = record.mutable_header();
    header->set_sequence(sequence);
    header->set_previous_sha256(state_.commit_sha256);
    header->set_commit_id(Id(static_cast<uint8_t>(0x40 + sequence)));
    header->set_writer_id(Id(0x50));
    header->set_writer_sequence(sequence);
    header->set_based_on(sequence - 1);
    header->set_gc_epoch(state_.gc_epoch);
    header->set_config_sha256(config_sha256_);
    header->set_store_time_ms(kStart + static_cast<int64_t>(sequence) * 1000);
    header->set_program(kProgram);
    header->set_actions(static_cast<uint32_t>(actions.size()));
    actions.insert(actions.begin(), record);
    Bytes bytes = Object(ObjectType::kCommit, LogName(Sequence(sequence)),
                         static_cast<uint8_t>(0x60 + sequence), actions);
    Status status = ApplyCommit(actions, ToString(Sha256(bytes)), &state_);
    EXPECT_TRUE(status.ok()) << status.ToString();
    Put(LogName(Sequence(sequence)), bytes);
  }

  static format::CommitRecord AddPacks(const format::PackRef& pack,
                                       const std::vector<format::TopicClaims>& claims) {
    format::CommitRecord record;
    *record.mutable_add_packs()->add_packs() = pack;
    for (const auto& c : claims) *record.mutable_add_packs()->add_topics() = c;
    return record;
  }

  static void Claim(format::TopicClaims* topic, int32_t partition, int64_t start, int64_t end,
                    const format::Branch* branch = nullptr) {
    format::RangeClaim* claim = topic->add_claims();
    claim->set_partition(partition);
    claim->set_start_offset(start);
    claim->set_end_offset(end);
    claim->set_last_epoch(4);
    claim->set_read_started_ms(kStart + 100);
    claim->set_read_ended_ms(kStart + 200);
    claim->set_log_start_offset(start);
    claim->set_without_holes(branch == nullptr);
    if (branch == nullptr) return;
    claim->set_branch(branch->id());
    *claim->mutable_new_branch() = *branch;
  }

  static format::TopicClaims Topic(const std::string& name) {
    format::TopicClaims topic;
    topic.set_topic_id(ToString(TestOwner(name, 0).topic_id.id.view()));
    topic.set_topic(name);
    return topic;
  }

  static format::Branch PaymentsBranch() {
    format::Branch branch;
    branch.set_id(77);
    branch.set_generation(1);
    branch.set_reason("first read");
    branch.set_compacted(true);
    branch.set_created_ms(kStart + 100);
    return branch;
  }

  std::vector<format::TopicClaims> Claims() {
    format::TopicClaims orders = Topic("orders"), payments = Topic("payments");
    Claim(&orders, 0, 0, 40);
    Claim(&orders, 1, 100, 110);
    format::Branch branch = PaymentsBranch();
    Claim(&payments, 0, 5, 15, &branch);
    return {orders, payments};
  }

  format::ObjectRef WriteManifest(const std::string& topic, uint8_t salt) {
    format::ManifestRecord header;
    header.mutable_header()->set_topic_id(Topic(topic).topic_id());
    header.mutable_header()->set_topic(topic);
    *header.mutable_header()->add_packs() = golden_.pack;
    std::vector<BlockEntry> entries;
    for (BlockEntry e : sealed_.blocks) {
      if (e.owner.topic != topic) continue;
      e.commit = 1;
      e.place.DropChecks();
      entries.push_back(e);
    }
    header.mutable_header()->set_blocks(entries.size());
    std::vector<const BlockEntry*> pointers;
    for (const auto& e : entries) pointers.push_back(&e);
    std::vector<format::ManifestRecord> records = {header};
    for (auto& run : EncodeRuns(pointers, RunUse::kManifest)) {
      *records.emplace_back().mutable_run() = run;
    }
    return PutContent("manifest", Object(ObjectType::kManifest, "", salt, records));
  }

  format::ObjectRef PutContent(const std::string& folder, ByteView bytes) {
    auto ref = PutContentObject(store_, folder, bytes, {});
    EXPECT_TRUE(ref.ok());
    return *ref;
  }

  static format::CommitRecord SetManifests(const std::string& topic, const format::ObjectRef& ref) {
    format::CommitRecord record;
    record.mutable_set_manifests()->set_topic_id(Topic(topic).topic_id());
    record.mutable_set_manifests()->set_topic(topic);
    *record.mutable_set_manifests()->add_manifests() = ref;
    return record;
  }

  format::CommitRecord FoldPacks() {
    format::CommitRecord record;
    record.mutable_fold_packs()->add_pack_ids(golden_.pack.id());
    return record;
  }

  static void AddConfig(google::protobuf::RepeatedPtrField<format::ConfigEntry>* to,
                        const std::string& name, const std::string& value) {
    format::ConfigEntry* entry = to->Add();
    entry->set_name(name);
    entry->set_value(value);
    entry->set_source(1);
    entry->set_has_value(true);
  }

  static format::PartitionSnapshot* AddPartition(format::SnapshotRecord* record, int32_t partition,
                                                 int64_t start, int64_t end) {
    format::PartitionSnapshot* p = record->mutable_topic()->add_partitions();
    p->set_partition(partition);
    p->set_start_offset(start);
    p->set_end_offset(end);
    p->set_high_watermark(end);
    p->set_leader(1);
    p->set_leader_epoch(4);
    p->add_replicas(1);
    p->add_isr(1);
    p->set_records(static_cast<uint64_t>(end - start));
    p->set_max_timestamp(kStart + end - 1);
    return p;
  }

  format::ObjectRef WriteSnapshot(const format::ObjectRef& orders,
                                  const format::ObjectRef& payments) {
    std::vector<format::SnapshotRecord> records(4);
    format::SnapshotHeader* header = records[0].mutable_header();
    header->set_id(Id(0x70));
    header->set_name("nightly");
    header->set_description("golden");
    header->add_tags("test");
    header->set_started_ms(kStart + 50);
    header->set_finished_ms(kStart + 1500);
    header->set_program(kProgram);
    header->mutable_cluster()->set_cluster_id("AAAAAAAAAAAAAAAAAAAAAA");
    format::BrokerInfo* broker = header->mutable_cluster()->add_brokers();
    broker->set_id(1);
    broker->set_host("broker-1");
    broker->set_port(9092);
    broker->set_rack("a");

    for (int i : {1, 2}) {
      format::TopicSnapshot* topic = records[static_cast<size_t>(i)].mutable_topic();
      topic->set_topic(i == 1 ? "orders" : "payments");
      topic->set_topic_id(Topic(topic->topic()).topic_id());
      topic->set_replication_factor(1);
      *topic->add_manifests() = i == 1 ? orders : payments;
    }
    AddPartition(&records[1], 0, 0, 40);
    AddPartition(&records[1], 1, 100, 110);
    AddConfig(records[2].mutable_topic()->mutable_configs(), "cleanup.policy", "compact");
    format::PartitionSnapshot* p = AddPartition(&records[2], 0, 5, 15);
    p->set_branch(77);
    p->set_generation(1);
    *records[2].mutable_topic()->add_branches_used() = PaymentsBranch();
    records[2].mutable_topic()->add_branches_used_partition(0);

    format::GroupSnapshot* group = records[3].mutable_group();
    group->set_group("billing");
    group->set_type("classic");
    group->set_protocol_type("consumer");
    group->set_state("Stable");
    format::GroupOffset* offset = group->add_offsets();
    offset->set_topic("orders");
    offset->set_offset(35);
    offset->set_offset_before_clip(35);
    offset->set_leader_epoch(4);
    return PutContent("snapshot", Object(ObjectType::kSnapshot, "", 0x71, records));
  }

  static format::CommitRecord AddSnapshot(const format::ObjectRef& object) {
    format::CommitRecord record;
    format::SnapshotRef* ref = record.mutable_add_snapshot();
    ref->set_id(Id(0x70));
    ref->set_name("nightly");
    *ref->mutable_object() = object;
    ref->set_started_ms(kStart + 50);
    ref->set_finished_ms(kStart + 1500);
    ref->mutable_stats()->set_topics(2);
    ref->mutable_stats()->set_partitions(3);
    ref->set_description("golden");
    ref->add_tags("test");
    ref->set_cluster_id("AAAAAAAAAAAAAAAAAAAAAA");
    return record;
  }

  std::vector<format::CommitRecord> LastActions() {
    format::TopicClaims orders = Topic("orders");
    Claim(&orders, 0, 40, 50);
    std::vector<format::CommitRecord> actions = {AddPacks(golden_.small_ref, {orders})};
    format::HoldSnapshot* hold = actions.emplace_back().mutable_hold_snapshot();
    hold->set_id(Id(0x70));
    hold->set_held(true);
    hold->set_reason("audit");
    format::Pin* pin = actions.emplace_back().mutable_pin();
    pin->set_id(Id(0x80));
    pin->set_until_ms(kStart + 3'600'000);
    pin->set_who("restore on host-1");
    format::RestoreRecord* restore = actions.emplace_back().mutable_restore();
    restore->set_restore_id(Id(0x81));
    restore->set_snapshot_id(Id(0x70));
    restore->set_target_cluster_id("BBBBBBBBBBBBBBBBBBBBBB");
    restore->set_options_sha256(std::string(32, 'o'));
    restore->set_state(format::RestoreRecord::CREATED);
    format::RestoreRecord::Topic* topic = restore->add_topics();
    topic->set_source("orders");
    topic->set_target("orders-restored");
    topic->set_target_topic_id(Id(0x82));
    topic->set_partitions(2);
    format::Condemn* condemn = actions.emplace_back().mutable_condemn();
    condemn->add_objects("pack/00/000102030405060708090a0b0c0d0e0f");
    condemn->set_gc_epoch(1);
    return actions;
  }

  // Two runs of one partition, one of another: what the real encoder makes only of large maps.
  format::ObjectRef WriteOffsetMap() {
    std::vector<format::OffsetMapRecord> records(2);
    records[0].mutable_header()->set_runs(3);
    records[0].mutable_header()->set_ranges(4);
    auto add = [&](int32_t partition, int64_t start, int64_t end, int64_t target) {
      format::OffsetMapRun* run = records[1].mutable_runs()->add_runs();
      run->set_source_topic("orders");
      run->set_target_topic("orders-restored");
      run->set_partition(partition);
      run->set_source_start(start);
      run->set_source_end(end);
      run->set_target_start(target);
      return run;
    };
    auto range = [](format::OffsetMapRun* run, uint64_t source_gap, uint64_t count) {
      run->add_source_gap(source_gap);
      run->add_count(count);
    };
    format::OffsetMapRun* run = add(0, 0, 40, 1000);
    range(run, 0, 10);
    range(run, 5, 5);
    run = add(0, 0, 40, 1000);
    run->set_source_skip(20);
    run->set_target_skip(15);
    range(run, 10, 9);
    run->add_target_gap(100);
    range(add(1, 100, 110, 0), 0, 10);
    return PutContent("offset-map", Object(ObjectType::kOffsetMap, "", 0x72, records));
  }

  format::CommitRecord FinishRestore(const format::ObjectRef& map) {
    format::CommitRecord record;
    *record.mutable_restore() = state_.restores.at(Id(0x81));
    record.mutable_restore()->set_state(format::RestoreRecord::DONE);
    record.mutable_restore()->mutable_topics(0)->set_dense(true);
    *record.mutable_restore()->add_offset_maps() = map;
    return record;
  }

  // The records of the real encoder, under a fixed salt.
  void WriteCheckpoint() {
    auto encoded = EncodeCheckpoint(state_, config_sha256_, "", keys_);
    const std::string bound = CheckpointName(state_.sequence, "");
    ASSERT_TRUE(encoded.ok()) << encoded.status().ToString();
    std::vector<format::CheckpointRecord> records;
    auto add = [&](ByteView record) {
      EXPECT_TRUE(
          records.emplace_back().ParseFromArray(record.data(), static_cast<int>(record.size())));
      return Status::Ok();
    };
    ASSERT_TRUE(ReadObject(ObjectType::kCheckpoint, bound, *encoded, add, keys_).ok());
    Bytes bytes = Object(ObjectType::kCheckpoint, bound, 0x68, records);
    Put(CheckpointName(state_.sequence, ToString(Sha256(bytes))), bytes);
  }

  store::Store& store_;
  const Keyring* const keys_;
  GoldenRepository golden_;
  SealedPack sealed_;
  State state_;
  std::string config_sha256_;
};

}  // namespace

std::shared_ptr<Keyring> GoldenKeys() {
  SecretBytes master(ByteView(TestSalt(0x40)).first(kMasterKeyBytes));
  return Keyring::FromMaster(Id(0x10), std::move(master));
}

SlotSecret GoldenKeyFile() {
  SlotSecret secret;
  secret.key_file = SecretBytes(ByteView(TestSalt(0xa0)).first(kKeyFileBytes));
  return secret;
}

GoldenRepository BuildGoldenRepository(store::Store& store) {
  return Builder(store).Build();
}

}  // namespace maxbrod::repo
