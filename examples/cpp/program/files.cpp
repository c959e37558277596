#include "files.h"

#include <openssl/evp.h>

#include <array>
#include <fstream>
#include <iterator>
#include <memory>

namespace surgery {
namespace {

std::string text_of(const std::filesystem::path& folder) {
    if (!std::filesystem::is_directory(folder)) {
        throw InputError(folder.string() +
                         ": no such folder; a bundle is a folder with a bundle.json");
    }
    std::ifstream file(folder / "bundle.json", std::ios::binary);
    if (!file) {
        throw InputError(folder.string() + ": not a bundle, it has no bundle.json");
    }
    return {std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
}

std::string sha256(const std::filesystem::path& path) {
    std::ifstream file(path, std::ios::binary);
    const std::unique_ptr<EVP_MD_CTX, decltype(&EVP_MD_CTX_free)> context(EVP_MD_CTX_new(),
                                                                          &EVP_MD_CTX_free);
    EVP_DigestInit_ex(context.get(), EVP_sha256(), nullptr);
    std::vector<char> block(1 << 20);
    while (file.read(block.data(), static_cast<std::streamsize>(block.size())), file.gcount() > 0) {
        EVP_DigestUpdate(context.get(), block.data(), static_cast<std::size_t>(file.gcount()));
    }
    std::array<unsigned char, EVP_MAX_MD_SIZE> digest{};
    unsigned size = 0;
    EVP_DigestFinal_ex(context.get(), digest.data(), &size);
    std::string hex;
    for (unsigned i = 0; i < size; ++i) {
        constexpr const char* kDigits = "0123456789abcdef";
        hex += {kDigits[digest[i] >> 4], kDigits[digest[i] & 15]};
    }
    return hex;
}

}  // namespace

Bundle read_bundle(const std::filesystem::path& folder, bool hashes) {
    Bundle bundle = parse_bundle(text_of(folder), (folder / "bundle.json").string());
    for (const auto& [name, expected] : bundle.sha256) {
        const std::filesystem::path path = folder / name;
        if (!std::filesystem::is_regular_file(path)) {
            throw InputError(path.string() +
                             ": missing, though bundle.json lists it; copy the whole bundle");
        }
        const std::string found = hashes ? sha256(path) : expected;
        if (found != expected) {
            throw InputError(path.string() + ": sha256 is " + found.substr(0, 12) +
                             "..., bundle.json says " + expected.substr(0, 12) +
                             "...: the file was changed or cut short; copy the bundle again, or "
                             "load it unverified (--no-verify)");
        }
    }
    return bundle;
}

}  // namespace surgery
