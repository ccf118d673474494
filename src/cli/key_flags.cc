#include "cli/key_flags.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <poll.h>
#include <sys/stat.h>
#include <termios.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <filesystem>

#include "cli/common.h"
#include "cli/kms_wrapper.h"
#include "codec/hash.h"

namespace maxbrod::cli {
namespace {

constexpr size_t kHexDigits = 2 * repo::kKeyFileBytes;

// A file descriptor that closes itself.
class Descriptor {
 public:
  explicit Descriptor(int fd) : fd_(fd) {}
  ~Descriptor() {
    if (fd_ >= 0) close(fd_);
  }
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;
  int get() const { return fd_; }

 private:
  int fd_;
};

Status SystemError(const std::string& what, int error) {
  Code code = error == ENOENT                      ? Code::kNotFound
              : error == EACCES || error == EPERM  ? Code::kPermission
              : error == EEXIST                    ? Code::kAlreadyExists
              : error == ENOSPC || error == EDQUOT ? Code::kOutOfSpace
                                                   : Code::kIo;
  return Status(code, what + ": " + std::string(strerror(error)));
}

// The file's bytes, at most `size_max`. A regular file must not be readable by everybody, nor
// writable by anybody else (group-readable ones are how orchestrators hand out secrets).
Result<SecretBytes> ReadSecretFile(const std::string& path, size_t size_max) {
  Descriptor fd(open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (fd.get() < 0) return SystemError("cannot read '" + path + "'", errno);
  struct stat info{};
  if (fstat(fd.get(), &info) != 0) return SystemError("cannot read '" + path + "'", errno);
  if (S_ISREG(info.st_mode) && (info.st_mode & (S_IRWXO | S_IWGRP)) != 0) {
    return Status(Code::kPermission, fmt::format("'{}' is open to other users (mode {:04o})", path,
                                                 info.st_mode & 07777))
        .WithHint("chmod 600 it, and change the key if somebody may have read it");
  }
  SecretBytes buffer(size_max + 1);
  size_t size = 0;
  while (size <= size_max) {
    ssize_t n = read(fd.get(), buffer.data().data() + size, size_max + 1 - size);
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return SystemError("cannot read '" + path + "'", errno);
    if (n == 0) break;
    size += static_cast<size_t>(n);
  }
  if (size > size_max) {
    return Status(Code::kInvalidArgument,
                  fmt::format("'{}' is longer than {} bytes", path, size_max));
  }
  return SecretBytes(buffer.view().first(size));
}

// Without one line end.
SecretBytes Trimmed(const SecretBytes& text) {
  ByteView view = text.view();
  if (!view.empty() && view.back() == '\n') view = view.first(view.size() - 1);
  if (!view.empty() && view.back() == '\r') view = view.first(view.size() - 1);
  return SecretBytes(view);
}

Result<SecretBytes> ReadPassphraseFile(const std::string& path) {
  MB_ASSIGN_OR_RETURN(SecretBytes text, ReadSecretFile(path, repo::kPassphraseBytesMax));
  SecretBytes passphrase = Trimmed(text);
  if (passphrase.empty()) {
    return Status(Code::kInvalidArgument, "'" + path + "' holds no passphrase");
  }
  return passphrase;
}

int HexValue(uint8_t c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

Result<SecretBytes> ReadKeyFile(const std::string& path) {
  MB_ASSIGN_OR_RETURN(SecretBytes bytes, ReadSecretFile(path, 256));
  if (bytes.size() == repo::kKeyFileBytes) return bytes;
  SecretBytes text = Trimmed(bytes);
  SecretBytes key(repo::kKeyFileBytes);
  bool sound = text.size() == kHexDigits;
  for (size_t i = 0; sound && i < kHexDigits; i += 2) {
    int high = HexValue(text.view()[i]);
    int low = HexValue(text.view()[i + 1]);
    sound = high >= 0 && low >= 0;
    if (sound) key.data()[i / 2] = static_cast<uint8_t>(high * 16 + low);
  }
  if (sound) return key;
  return Status(Code::kInvalidArgument, "'" + path + "' is no key file")
      .WithHint("a key file holds 32 bytes, or 64 hex digits: openssl rand -hex 32");
}

// Echo off, and on again whatever happens.
class QuietTerminal {
 public:
  explicit QuietTerminal(int fd) : fd_(fd) {
    ok_ = tcgetattr(fd_, &before_) == 0;
    if (!ok_) return;
    termios quiet = before_;
    quiet.c_lflag &= ~static_cast<tcflag_t>(ECHO);
    quiet.c_lflag |= ECHONL;
    ok_ = tcsetattr(fd_, TCSAFLUSH, &quiet) == 0;
  }
  ~QuietTerminal() {
    if (ok_) tcsetattr(fd_, TCSAFLUSH, &before_);
  }
  QuietTerminal(const QuietTerminal&) = delete;
  QuietTerminal& operator=(const QuietTerminal&) = delete;
  bool ok() const { return ok_; }

 private:
  int fd_;
  termios before_{};
  bool ok_ = false;
};

Result<SecretBytes> AskOnce(int fd, const std::string& prompt, const Globals& globals) {
  QuietTerminal quiet(fd);
  if (!quiet.ok()) return Status(Code::kIo, "cannot switch off the terminal's echo");
  if (write(fd, prompt.data(), prompt.size()) < 0) return SystemError("terminal", errno);
  SecretBytes line(4096);
  size_t size = 0;
  while (true) {
    constexpr int kLookMs = 200;  // how soon Ctrl-C is noticed
    if (globals.stop.stop_requested()) return Status(Code::kCancelled, "stopped");
    pollfd wait{fd, POLLIN, 0};
    int ready = poll(&wait, 1, kLookMs);
    if (ready == 0 || (ready < 0 && errno == EINTR)) continue;
    ssize_t n = read(fd, line.data().data() + size, line.size() - size);
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return SystemError("terminal", errno);
    size += static_cast<size_t>(n);
    if (n == 0 || line.view()[size - 1] == '\n' || size == line.size()) break;
  }
  return Trimmed(SecretBytes(line.view().first(size)));
}

const char* Variable(const char* value) {
  return value == nullptr ? "" : value;
}

Status CheckOne(const SecretFlags& flags) {
  if (flags.passphrase_file.empty() || flags.key_file.empty()) return Status::Ok();
  return Status(Code::kInvalidArgument, "both a passphrase file and a key file were given")
      .WithHint("give the one that belongs to the slot you want to open");
}

}  // namespace

void KeyFlags::Add(CLI::App* verb) {
  verb->add_option("--passphrase-file", secret.passphrase_file,
                   "File with the passphrase of an encrypted repository");
  verb->add_option("--key-file", secret.key_file, "Key file of an encrypted repository");
  verb->add_option("--key-slot", slot, "Try only the key slot whose id begins so");
}

void CostFlags::Add(CLI::App* verb) {
  verb->add_option("--passphrase-memory", memory, "Memory of a passphrase slot (default 256MiB)");
  verb->add_option("--passphrase-passes", passes, "Passes over that memory (default 3)");
}

Result<Argon2Cost> CostFlags::Read() const {
  Argon2Cost cost;
  if (passes != 0) cost.passes = passes;
  if (!memory.empty()) {
    MB_ASSIGN_OR_RETURN(uint64_t bytes, ParseBytes(memory));
    cost.memory_kib = static_cast<uint32_t>(std::min<uint64_t>(bytes / kKiB, UINT32_MAX));
  }
  return cost;
}

Result<repo::KeySource> KeyFlags::Read(const Globals& globals) const {
  repo::KeySource source;
  source.slot = slot;
  source.kms = MakeKmsOpener();
  SecretFlags flags = secret;
  const char* passphrase = nullptr;
  if (!flags.given()) {
    passphrase = std::getenv("MAXBROD_PASSPHRASE");
    flags.passphrase_file = Variable(std::getenv("MAXBROD_PASSPHRASE_FILE"));
    flags.key_file = Variable(std::getenv("MAXBROD_KEY_FILE"));
    if (passphrase != nullptr && *passphrase == '\0') passphrase = nullptr;
    if (passphrase != nullptr && flags.given()) {
      return Status(Code::kInvalidArgument,
                    "several of MAXBROD_PASSPHRASE, MAXBROD_PASSPHRASE_FILE "
                    "and MAXBROD_KEY_FILE are set")
          .WithHint("unset all but one");
    }
  }
  if (passphrase != nullptr) {
    source.secret.passphrase = SecretBytes(AsBytes(passphrase));
  } else if (flags.given()) {
    MB_ASSIGN_OR_RETURN(source.secret, ReadSecret(flags));
  } else if (isatty(STDIN_FILENO) == 1) {
    source.ask_passphrase = [&globals] {
      return AskPassphrase("Passphrase of the repository: ", false, globals);
    };
  }
  return source;
}

Result<repo::SlotSecret> ReadSecret(const SecretFlags& flags) {
  MB_RETURN_IF_ERROR(CheckOne(flags));
  repo::SlotSecret secret;
  if (!flags.passphrase_file.empty()) {
    MB_ASSIGN_OR_RETURN(secret.passphrase, ReadPassphraseFile(flags.passphrase_file));
  } else if (!flags.key_file.empty()) {
    MB_ASSIGN_OR_RETURN(secret.key_file, ReadKeyFile(flags.key_file));
  } else {
    return Status(Code::kInvalidArgument, "neither a passphrase file nor a key file was given");
  }
  return secret;
}

Result<repo::SlotSecret> ReadOrMakeSecret(const SecretFlags& flags) {
  MB_RETURN_IF_ERROR(CheckOne(flags));
  if (!flags.key_file.empty() && access(flags.key_file.c_str(), F_OK) != 0 && errno == ENOENT) {
    MB_RETURN_IF_ERROR(WriteKeyFile(flags.key_file, SecretBytes::Random(repo::kKeyFileBytes)));
  }
  return ReadSecret(flags);
}

Result<SecretBytes> AskPassphrase(const std::string& prompt, bool twice, const Globals& globals) {
  Descriptor fd(open("/dev/tty", O_RDWR | O_CLOEXEC | O_NOCTTY));
  if (fd.get() < 0) {
    return Status(Code::kInvalidArgument,
                  "no passphrase was given, and there is no terminal to ask")
        .WithHint("use --passphrase-file, or set MAXBROD_PASSPHRASE_FILE");
  }
  MB_ASSIGN_OR_RETURN(SecretBytes first, AskOnce(fd.get(), prompt, globals));
  if (!twice) return first;
  if (first.empty()) return Status(Code::kInvalidArgument, "an empty passphrase");
  MB_ASSIGN_OR_RETURN(SecretBytes second, AskOnce(fd.get(), "The same again: ", globals));
  if (!first.Equals(second.view())) {
    return Status(Code::kInvalidArgument, "the two passphrases differ");
  }
  return first;
}

Status WriteKeyFile(const std::string& path, const SecretBytes& key) {
  Descriptor fd(open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, S_IRUSR | S_IWUSR));
  if (fd.get() < 0) {
    return SystemError("cannot make the key file '" + path + "'", errno)
        .WithHint("a file that is there is never overwritten");
  }
  std::string hex = ToHex(key.view()) + "\n";
  bool written = write(fd.get(), hex.data(), hex.size()) == static_cast<ssize_t>(hex.size()) &&
                 fsync(fd.get()) == 0;
  int error = errno;
  WipeSecret({reinterpret_cast<uint8_t*>(hex.data()), hex.size()});
  if (!written) {
    unlink(path.c_str());
    return SystemError("cannot write the key file '" + path + "'", error);
  }
  // The name must survive a power failure as well: without this file data may be lost.
  std::string folder = std::filesystem::path(path).parent_path().string();
  Descriptor parent(
      open(folder.empty() ? "." : folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (parent.get() >= 0) (void)fsync(parent.get());
  return Status::Ok();
}

}  // namespace maxbrod::cli
