#include "repo/record_text.h"

#include <fmt/format.h>
#include <google/protobuf/descriptor.h>
#include <google/protobuf/message.h>
#include <google/protobuf/text_format.h>

#include "base/bytes.h"

namespace maxbrod::repo {
namespace {

using google::protobuf::FieldDescriptor;
using google::protobuf::Message;
using google::protobuf::Reflection;
using google::protobuf::TextFormat;

class HexBytesPrinter : public TextFormat::FastFieldValuePrinter {
 public:
  void PrintBytes(const std::string& value, TextFormat::BaseTextGenerator* out) const override {
    out->PrintString(ToHex(AsBytes(value)));
  }
  void PrintString(const std::string& value, TextFormat::BaseTextGenerator* out) const override {
    out->PrintString(JsonString(value));
  }
};

// Length of the UTF-8 sequence at the front of `text`, 0 when there is none (RFC 3629).
size_t Utf8Length(std::string_view text) {
  auto at = [&](size_t i) { return static_cast<uint8_t>(text[i]); };
  uint8_t first = at(0);
  size_t n = first < 0x80       ? 1
             : first >> 5 == 6  ? 2
             : first >> 4 == 14 ? 3
             : first >> 3 == 30 ? 4
                                : 0;
  if (n == 0 || n > text.size()) return 0;
  uint32_t code = n == 1 ? first : first & (0x7fu >> n);
  for (size_t i = 1; i < n; ++i) {
    if (at(i) >> 6 != 2) return 0;
    code = code << 6 | (at(i) & 0x3f);
  }
  constexpr uint32_t kMin[5] = {0, 0, 0x80, 0x800, 0x10000};
  bool surrogate = code >= 0xd800 && code <= 0xdfff;
  return code < kMin[n] || code > 0x10ffff || surrogate ? 0 : n;
}

void AppendMessage(const Message& message, std::string* out);

// The value at `index`, or the only one when index is -1.
void AppendValue(const Message& m, const FieldDescriptor* field, int index, std::string* out) {
  const Reflection* r = m.GetReflection();
  bool many = index >= 0;
  switch (field->cpp_type()) {
    case FieldDescriptor::CPPTYPE_INT32:
      *out += std::to_string(many ? r->GetRepeatedInt32(m, field, index) : r->GetInt32(m, field));
      return;
    case FieldDescriptor::CPPTYPE_INT64:
      *out += std::to_string(many ? r->GetRepeatedInt64(m, field, index) : r->GetInt64(m, field));
      return;
    case FieldDescriptor::CPPTYPE_UINT32:
      *out += std::to_string(many ? r->GetRepeatedUInt32(m, field, index) : r->GetUInt32(m, field));
      return;
    case FieldDescriptor::CPPTYPE_UINT64:
      *out += std::to_string(many ? r->GetRepeatedUInt64(m, field, index) : r->GetUInt64(m, field));
      return;
    case FieldDescriptor::CPPTYPE_DOUBLE:
      *out +=
          fmt::format("{}", many ? r->GetRepeatedDouble(m, field, index) : r->GetDouble(m, field));
      return;
    case FieldDescriptor::CPPTYPE_FLOAT:
      *out +=
          fmt::format("{}", many ? r->GetRepeatedFloat(m, field, index) : r->GetFloat(m, field));
      return;
    case FieldDescriptor::CPPTYPE_BOOL:
      *out +=
          (many ? r->GetRepeatedBool(m, field, index) : r->GetBool(m, field)) ? "true" : "false";
      return;
    case FieldDescriptor::CPPTYPE_ENUM: {
      int number = many ? r->GetRepeatedEnumValue(m, field, index) : r->GetEnumValue(m, field);
      const auto* value = field->enum_type()->FindValueByNumber(number);
      *out += value != nullptr ? JsonString(value->name()) : std::to_string(number);
      return;
    }
    case FieldDescriptor::CPPTYPE_STRING: {
      std::string value = many ? r->GetRepeatedString(m, field, index) : r->GetString(m, field);
      bool bytes = field->type() == FieldDescriptor::TYPE_BYTES;
      *out += JsonString(bytes ? ToHex(AsBytes(value)) : value);
      return;
    }
    case FieldDescriptor::CPPTYPE_MESSAGE:
      AppendMessage(many ? r->GetRepeatedMessage(m, field, index) : r->GetMessage(m, field), out);
      return;
  }
}

void AppendMessage(const Message& message, std::string* out) {
  std::vector<const FieldDescriptor*> fields;
  message.GetReflection()->ListFields(message, &fields);
  *out += '{';
  for (size_t i = 0; i < fields.size(); ++i) {
    if (i > 0) *out += ',';
    *out += JsonString(fields[i]->name()) + ":";
    if (!fields[i]->is_repeated()) {
      AppendValue(message, fields[i], -1, out);
      continue;
    }
    *out += '[';
    int size = message.GetReflection()->FieldSize(message, fields[i]);
    for (int k = 0; k < size; ++k) {
      if (k > 0) *out += ',';
      AppendValue(message, fields[i], k, out);
    }
    *out += ']';
  }
  *out += '}';
}

}  // namespace

std::string RecordText(const Message& record) {
  TextFormat::Printer printer;
  printer.SetDefaultFieldValuePrinter(new HexBytesPrinter);  // the printer owns it
  printer.SetUseShortRepeatedPrimitives(true);
  printer.SetInitialIndentLevel(1);
  std::string out;
  printer.PrintToString(record, &out);
  return out;
}

std::string RecordJson(const Message& record) {
  std::string out;
  AppendMessage(record, &out);
  return out;
}

std::string JsonString(std::string_view text) {
  std::string out = "\"";
  while (!text.empty()) {
    size_t n = Utf8Length(text);
    char c = text[0];
    if (n == 0) {
      out += "\\ufffd";
      n = 1;
    } else if (c == '"' || c == '\\') {
      out += {'\\', c};
    } else if (n == 1 && static_cast<uint8_t>(c) < 0x20) {
      out += fmt::format("\\u{:04x}", c);
    } else {
      out += text.substr(0, n);
    }
    text.remove_prefix(n);
  }
  return out + "\"";
}

}  // namespace maxbrod::repo
