// Every message, in every version and both directions, against the bytes of Kafka's own classes
// (tests/golden/messages.txt, made by tests/java/MessageVectors.java).
#include <gtest/gtest.h>

#include <fstream>
#include <functional>
#include <map>
#include <set>
#include <sstream>

#include "kafka/messages/all.h"

namespace maxbrod::kafka {
namespace {

// A visitor that writes down names and types in the order of the wire. A round trip alone would not
// notice two fields of one type that are swapped.
class ShapeVisitor {
 public:
  explicit ShapeVisitor(int16_t version) : version_(version) {}

  template <class T, class M>
  void Field(const T&, M T::*, const char* name, FieldVersions versions = {}) {
    if (!versions.Has(version_)) return;
    fields_.push_back(std::string(name) + ":" + TypeOf<M>(versions));
  }
  template <class T, class M>
  void Tagged(uint32_t tag, const T&, M T::*, const char* name, FieldVersions versions = {}) {
    if (!versions.Has(version_)) return;
    tagged_[tag] = std::to_string(tag) + "~" + name + ":" + TypeOf<M>(versions);
  }

  template <class T>
  static std::string Of(int16_t version) {
    ShapeVisitor visitor(version);
    const T value{};
    T::Visit(visitor, value);
    for (const auto& [tag, text] : visitor.tagged_) visitor.fields_.push_back(text);
    std::string all;
    for (const std::string& field : visitor.fields_) all += (all.empty() ? "" : ",") + field;
    return all;
  }

 private:
  template <class M>
  struct Kind {
    static std::string Text(int16_t version) { return "{" + Of<M>(version) + "}"; }
  };
  template <class M>
  std::string TypeOf(FieldVersions versions) {
    return (versions.NullableIn(version_) ? "?" : "") + Kind<M>::Text(version_);
  }

  int16_t version_;
  std::vector<std::string> fields_;
  std::map<uint32_t, std::string> tagged_;
};

#define MB_KIND(Type, name)            \
  template <>                          \
  struct ShapeVisitor::Kind<Type> {    \
    static std::string Text(int16_t) { \
      return name;                     \
    }                                  \
  }
MB_KIND(bool, "boolean");
MB_KIND(int8_t, "int8");
MB_KIND(int16_t, "int16");
MB_KIND(int32_t, "int32");
MB_KIND(int64_t, "int64");
MB_KIND(uint16_t, "uint16");
MB_KIND(double, "float64");
MB_KIND(std::string, "string");
MB_KIND(Uuid, "uuid");
MB_KIND(Bytes, "bytes");
MB_KIND(ByteView, "records");
MB_KIND(RecordPieces, "records");
#undef MB_KIND
template <class T>
struct ShapeVisitor::Kind<std::optional<T>> {
  static std::string Text(int16_t version) { return Kind<T>::Text(version); }
};
template <class T>
  requires(!std::is_same_v<T, uint8_t>)
struct ShapeVisitor::Kind<std::vector<T>> {
  static std::string Text(int16_t version) { return "[]" + Kind<T>::Text(version); }
};

struct Tested {
  ApiInfo api;
  // Decodes and encodes again.
  std::function<Status(ByteView, int16_t, WireWriter*)> round_trip;
  std::function<Status(ByteView, int16_t)> decode;
  std::function<std::string(int16_t)> shape;
};

template <class Message>
Tested TestedOf() {
  return {Message::kApi,
          [](ByteView body, int16_t version, WireWriter* out) {
            Message message;
            MB_RETURN_IF_ERROR(DecodeMessage(body, version, &message));
            return EncodeMessage(message, version, out);
          },
          [](ByteView body, int16_t version) {
            Message message;
            return DecodeMessage(body, version, &message);
          },
          ShapeVisitor::Of<Message>};
}

const std::map<std::string, Tested>& Table() {
  static const auto table = [] {
    std::map<std::string, Tested> all;
    ForEachRequest([&all]<class Request>() {
      all[std::string(Request::kApi.name) + " request"] = TestedOf<Request>();
      all[std::string(Request::kApi.name) + " response"] = TestedOf<typename Request::Response>();
    });
    return all;
  }();
  return table;
}

// Where a field of ours has a clearer name than Kafka's.
struct Renamed {
  const char* message;
  const char* kafka;
  const char* ours;
};
constexpr Renamed kRenamed[] = {
    {"AddPartitionsToTxn request", "v3_and_below_transactional_id:", "transactional_id:"},
    {"AddPartitionsToTxn request", "v3_and_below_producer_id:", "producer_id:"},
    {"AddPartitionsToTxn request", "v3_and_below_producer_epoch:", "producer_epoch:"},
    {"AddPartitionsToTxn request", "v3_and_below_topics:", "topics:"},
    {"AddPartitionsToTxn response", "results_by_topic_v3_and_below:", "topics:"},
    {"AddPartitionsToTxn response", "results_by_partition:", "partitions:"},
    {"AddPartitionsToTxn response", "partition_error_code:", "error_code:"},
    {"Fetch request", "topic:", "name:"},
    {"Fetch request", "partition:", "partition_index:"},
    {"Fetch request", "forgotten_topics_data:", "forgotten_topics:"},
    {"Fetch response", "responses:", "topics:"},
    {"Fetch response", "topic:", "name:"},
    {"Produce request", "topic_data:", "topics:"},
    {"Produce request", "partition_data:", "partitions:"},
    {"Produce request", "index:", "partition_index:"},
    {"Produce response", "partition_responses:", "partitions:"},
    {"Produce response", "responses:", "topics:"},
    {"Produce response", "index:", "partition_index:"},
    {"OffsetForLeaderEpoch request", "topic:", "name:"},
    {"OffsetForLeaderEpoch request", "partition:", "partition_index:"},
    {"OffsetForLeaderEpoch response", "topic:", "name:"},
    {"OffsetForLeaderEpoch response", "partition:", "partition_index:"},
};

std::string InOurNames(const std::string& message, std::string shape) {
  for (const Renamed& renamed : kRenamed) {
    if (message != renamed.message) continue;
    std::string from = renamed.kafka;
    for (size_t at = 0; (at = shape.find(from, at)) != std::string::npos;) {
      bool whole_name =
          at == 0 || shape[at - 1] == ',' || shape[at - 1] == '{' || shape[at - 1] == '~';
      if (whole_name) shape.replace(at, from.size(), renamed.ours);
      at += 1;
    }
  }
  return shape;
}

struct GoldenLine {
  std::string message;  // "Fetch request"
  int16_t key = 0;
  int16_t version = 0;
  std::string variant;
  std::string content;
  std::string where() const {
    return message + " version " + std::to_string(version) + " " + variant;
  }
};

std::vector<GoldenLine> ReadGolden() {
  std::ifstream file(MAXBROD_SOURCE_DIR "/tests/golden/messages.txt");
  EXPECT_TRUE(file.is_open());
  std::vector<GoldenLine> lines;
  std::string text;
  while (std::getline(file, text)) {
    if (text.empty() || text[0] == '#') continue;
    std::istringstream words(text);
    std::string name;
    std::string direction;
    GoldenLine line;
    words >> name >> line.key >> direction >> line.version >> line.variant >> line.content;
    line.message = name + " " + direction;
    lines.push_back(line);
  }
  return lines;
}

Bytes Hex(const std::string& text) {
  Bytes bytes;
  EXPECT_TRUE(FromHex(text, &bytes));
  return bytes;
}

TEST(MessagesGoldenTest, EveryMessageIsByteForByteKafkas) {
  std::map<std::string, std::set<int16_t>> seen;
  for (const GoldenLine& line : ReadGolden()) {
    SCOPED_TRACE(line.where());
    auto found = Table().find(line.message);
    ASSERT_NE(Table().end(), found);
    const Tested& tested = found->second;
    EXPECT_EQ(tested.api.key, line.key);
    if (line.variant == "shape") {
      EXPECT_EQ(InOurNames(line.message, line.content), tested.shape(line.version));
      continue;
    }
    Bytes golden = Hex(line.content);
    WireWriter out;
    Status status = tested.round_trip(golden, line.version, &out);
    EXPECT_TRUE(status.ok()) << status.ToString();
    EXPECT_EQ(line.content, ToHex(out.buffer()));
    seen[line.message].insert(line.version);
  }
  for (const auto& [name, tested] : Table()) {
    for (int16_t v = tested.api.version_min; v <= tested.api.version_max; ++v) {
      EXPECT_TRUE(seen[name].contains(v)) << name << " version " << v << " has no golden bytes";
    }
  }
}

// Every prefix of a message is an error, never a crash and never a message: all fields are needed.
TEST(MessagesGoldenTest, EveryTruncationIsAnError) {
  size_t cuts = 0;
  for (const GoldenLine& line : ReadGolden()) {
    if (line.variant != "full") continue;
    const Tested& tested = Table().at(line.message);
    Bytes golden = Hex(line.content);
    for (size_t size = 0; size < golden.size(); ++size, ++cuts) {
      Status status = tested.decode(ByteView(golden).first(size), line.version);
      ASSERT_EQ(Code::kProtocol, status.code()) << line.where() << " cut to " << size;
    }
    golden.push_back(0);
    ASSERT_EQ(Code::kProtocol, tested.decode(golden, line.version).code()) << line.where();
  }
  EXPECT_GT(cuts, 10'000u);
}

TEST(MessagesTest, UnknownVersionsAreRefused) {
  for (const auto& [name, tested] : Table()) {
    for (int v : {tested.api.version_min - 1, tested.api.version_max + 1}) {
      EXPECT_EQ(Code::kUnsupported, tested.decode({}, static_cast<int16_t>(v)).code()) << name << v;
    }
  }
}

TEST(MessagesTest, AFieldThatTheVersionLacksIsAnErrorUnlessIgnorable) {
  FetchRequest fetch;
  fetch.rack_id = "a";  // ignorable
  WireWriter out;
  EXPECT_TRUE(EncodeMessage(fetch, 4, &out).ok());
  fetch.forgotten_topics.emplace_back();  // not ignorable
  Status status = EncodeMessage(fetch, 6, &out);
  EXPECT_EQ(Code::kInvalidArgument, status.code());
  EXPECT_NE(std::string::npos, status.message().find("forgotten_topics")) << status.message();
  FetchRequest follower;
  follower.replica_state.replica_id = 1;  // tagged, not ignorable
  EXPECT_EQ(Code::kInvalidArgument, EncodeMessage(follower, 14, &out).code());
  WireWriter fresh;
  EXPECT_TRUE(EncodeMessage(follower, 15, &fresh).ok());
}

TEST(MessagesTest, NullWhereTheVersionDoesNotAllowIt) {
  MetadataRequest request;
  request.topics.emplace(1);
  request.topics->front().name.reset();
  WireWriter old;
  EXPECT_EQ(Code::kInvalidArgument, EncodeMessage(request, 9, &old).code());
  WireWriter out;
  EXPECT_TRUE(EncodeMessage(request, 10, &out).ok());
  MetadataRequest all;
  all.topics.reset();
  WireWriter null;
  ASSERT_TRUE(EncodeMessage(all, 1, &null).ok());
  EXPECT_EQ("ffffffff", ToHex(null.buffer()));
}

TEST(MessagesTest, DecodeErrorsNameTheField) {
  FetchResponse response;
  response.topics.emplace_back().partitions.emplace_back().records = ByteView();
  WireWriter out;
  ASSERT_TRUE(EncodeMessage(response, 4, &out).ok());
  Bytes bytes = out.Flatten();
  bytes[bytes.size() - 4] = 0x7f;  // the length of the records
  Status status = DecodeMessage(bytes, 4, &response);
  EXPECT_EQ(Code::kProtocol, status.code());
  EXPECT_NE(std::string::npos, status.message().find("'topics.partitions.records'"))
      << status.message();
}

TEST(MessagesTest, UnknownTaggedFieldsAreSkipped) {
  SaslAuthenticateRequest request;
  Bytes bytes =
      Hex("03"
          "aabb"
          "01"
          "7f"
          "02"
          "ccdd");
  ASSERT_TRUE(DecodeMessage(bytes, 2, &request).ok());
  EXPECT_EQ("aabb", ToHex(request.auth_bytes));
}

TEST(MessagesTest, FetchedRecordsAreViewsOfTheResponse) {
  Bytes records(100, 0x42);
  FetchResponse response;
  response.topics.emplace_back().partitions.emplace_back().records = ByteView(records);
  WireWriter out;
  ASSERT_TRUE(EncodeResponseFrame(response, 12, 99, &out).ok());
  Bytes frame = out.Flatten();
  FetchResponse decoded;
  ASSERT_TRUE(DecodeResponseFrame(ByteView(frame).subspan(4), 12, 99, &decoded).ok());
  ByteView got = decoded.topics.at(0).partitions.at(0).records.value();
  EXPECT_EQ(ToHex(records), ToHex(got));
  EXPECT_GE(got.data(), frame.data());
  EXPECT_LE(got.data() + got.size(), frame.data() + frame.size());
}

TEST(MessagesTest, ProducedRecordsAreNotCopied) {
  for (int16_t version = 3; version <= 13; ++version) {
    SCOPED_TRACE(version);
    Bytes header(61, 1);
    Bytes body(5000, 2);
    Bytes other(70000, 3);
    ProduceRequest request;
    request.acks = -1;
    request.topics.resize(1);
    request.topics[0].name = "t";
    request.topics[0].partitions.resize(2);
    ByteView parts[] = {header, body};
    request.topics[0].partitions[0].records.emplace(parts);
    request.topics[0].partitions[1].records = ByteView(other);
    WireWriter gather(WireWriter::Payload::kReference);
    ASSERT_TRUE(EncodeRequestFrame(request, version, 7, "client", &gather).ok());
    WireWriter copy;
    ASSERT_TRUE(EncodeRequestFrame(request, version, 7, "client", &copy).ok());
    EXPECT_EQ(ToHex(copy.buffer()), ToHex(gather.Flatten()));
    std::set<const uint8_t*> pieces;
    for (ByteView piece : gather.Pieces()) pieces.insert(piece.data());
    EXPECT_TRUE(pieces.contains(body.data()));
    EXPECT_TRUE(pieces.contains(other.data()));

    RequestHeader request_header;
    ProduceRequest decoded;
    Bytes frame = gather.Flatten();
    EXPECT_EQ(frame.size() - 4, static_cast<size_t>(LoadBig<int32_t>(frame.data())));
    ASSERT_TRUE(DecodeRequestFrame(ByteView(frame).subspan(4), &request_header, &decoded).ok());
    EXPECT_EQ(7, request_header.correlation_id);
    EXPECT_EQ("client", request_header.client_id);
    EXPECT_EQ(version, request_header.api_version);
    EXPECT_EQ(61u + 5000u, decoded.topics[0].partitions[0].records->pieces[0].size());
  }
}

TEST(MessagesTest, ResponseHeadersAndCorrelation) {
  EndTxnResponse response;
  response.error_code = 51;
  for (int16_t version : {int16_t{0}, int16_t{3}}) {
    WireWriter out;
    ASSERT_TRUE(EncodeResponseFrame(response, version, 5, &out).ok());
    Bytes frame = out.Flatten();
    EndTxnResponse decoded;
    ByteView content = ByteView(frame).subspan(4);
    ASSERT_TRUE(DecodeResponseFrame(content, version, 5, &decoded).ok());
    EXPECT_EQ(response, decoded);
    EXPECT_EQ(Code::kProtocol, DecodeResponseFrame(content, version, 6, &decoded).code());
    EXPECT_EQ(Code::kProtocol, DecodeResponseFrame(content.first(3), version, 5, &decoded).code());
  }
}

TEST(MessagesTest, ApiVersionsKeepsItsOldHeaderAndFallsBackToVersion0) {
  ApiVersionsResponse response;
  response.api_keys = {{1, 4, 17}};
  WireWriter out;
  ASSERT_TRUE(EncodeResponseFrame(response, 4, 1, &out).ok());
  EXPECT_EQ(
      "00000001"
      "0000"
      "02",
      ToHex(ByteView(out.buffer()).subspan(4, 7)));

  response.error_code = 35;
  WireWriter old;
  ASSERT_TRUE(EncodeMessage(response, 0, &old).ok());
  int16_t version = 4;
  ApiVersionsResponse decoded;
  ASSERT_TRUE(DecodeApiVersionsResponse(old.buffer(), &version, &decoded).ok());
  EXPECT_EQ(0, version);
  EXPECT_EQ(response, decoded);
}

}  // namespace
}  // namespace maxbrod::kafka
