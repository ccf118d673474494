// Protobuf records for people and programs: text and JSON. Bytes are printed in hexadecimal
// (Protobuf's own forms would print base64 and octal escapes), so that ids can be found again in
// the names of objects.
#pragma once

#include <string>
#include <string_view>

namespace google::protobuf {
class Message;
}

namespace maxbrod::repo {

// Protobuf text format (with hexadecimal bytes, so it is for reading only); fields without a value
// are left out, fields this program does not know are shown by number.
std::string RecordText(const google::protobuf::Message& record);
// One line: field names as in format.proto, enums by name, 64-bit integers as numbers, unset fields
// left out.
std::string RecordJson(const google::protobuf::Message& record);
// A JSON string literal with its quotes. Bytes that are not UTF-8 are replaced by U+FFFD.
std::string JsonString(std::string_view text);

}  // namespace maxbrod::repo
