/// Slips in what is fed to a graph are told in one line: wrong number of values, names, dtype.
///
///     graph_errors BUNDLE     a bundle whose backbone takes "image", float32 (1,3,h,w)
#include <iostream>
#include <string>
#include <vector>

#include "bundle.h"
#include "files.h"
#include "onnxruntime_graph.h"

namespace {

using surgery::InputError;
using surgery::TensorInfo;
using surgery::TensorView;

int failures = 0;

template <typename Call>
void expect_error(const std::string& expected, Call call) {
    std::string got = "no error";
    try {
        call();
    } catch (const InputError& error) {
        got = error.what();
    }
    if (got.find(expected) == std::string::npos || got.find('\n') != std::string::npos) {
        std::cerr << "expected: " << expected << "\ngot:      " << got << "\n";
        ++failures;
    }
}

TensorInfo image(std::int64_t side, const std::string& dtype = "float32") {
    return {"image", dtype, {{1, ""}, {3, ""}, {side, ""}, {side, ""}}};
}

void feeds() {
    const auto check = [](const surgery::Shape& shape, const TensorInfo& tensor) {
        surgery::check_feed({shape, nullptr}, tensor);
    };
    expect_error(
        "input 'image' expects float32 (1,3,512,512) = 786,432 values, got (1,1,512,512) = "
        "262,144 values: are the 3 channels missing?",
        [&] {
            check({1, 1, 512, 512}, image(512));
        });
    expect_error("are the 3 channels missing?", [&] { check({512, 512}, image(512)); });
    expect_error("are the channels last?", [&] { check({1, 512, 512, 3}, image(512)); });
    expect_error("is the batch side missing?", [&] { check({3, 512, 512}, image(512)); });
    expect_error("expects float16 (1,3,8,8) = 192 values, got float32", [&] {
        check({1, 3, 8, 8}, image(8, "float16"));
    });
    check({1, 3, 512, 512}, image(512));
}

void names(const std::string& folder) {
    surgery::Bundle bundle = surgery::read_bundle(folder, true);
    const surgery::OpenGraph open = surgery::onnxruntime_backend(folder, {});
    surgery::GraphInfo& backbone = bundle.graphs.at("backbone");
    expect_error("has no input 'picture' (inputs: image)", [&] {
        open(backbone)->run({{"picture", {}}});
    });
    expect_error("has no output 'mask'", [&] { open(backbone)->run({}, {"mask"}); });
    expect_error("needs input 'image', float32", [&] { open(backbone)->run({}); });
    backbone.inputs[0].name = "picture";
    expect_error("has the inputs image, bundle.json lists picture", [&] { open(backbone); });
    surgery::SessionSettings nowhere;
    nowhere.provider = "Abacus";
    expect_error("has no AbacusExecutionProvider (it has: ",
                 [&] { surgery::onnxruntime_backend(folder, nowhere)(backbone); });
}

}  // namespace

int main(int count, char** arguments) {
    feeds();
    if (count > 1) {
        names(arguments[1]);
    }
    return failures == 0 ? 0 : 1;
}
