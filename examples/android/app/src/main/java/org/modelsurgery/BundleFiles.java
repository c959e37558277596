package org.modelsurgery;

import android.content.Context;
import android.content.res.AssetManager;
import java.io.ByteArrayOutputStream;
import java.io.File;
import java.io.FileInputStream;
import java.io.FileOutputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.nio.charset.StandardCharsets;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.Iterator;
import java.util.Locale;
import org.json.JSONException;
import org.json.JSONObject;

/**
 * The bundle in assets/bundle, its graphs copied to files: ONNX Runtime opens paths, and an asset
 * has none. Every file is held against the sha256 that bundle.json lists.
 */
final class BundleFiles {
    private static final String ASSETS = "bundle/";

    private final File folder;
    private final String json;

    BundleFiles(Context context) throws IOException {
        AssetManager assets = context.getAssets();
        try (InputStream stream = assets.open(ASSETS + "bundle.json")) {
            json = new String(content(stream), StandardCharsets.UTF_8);
        }
        folder = new File(context.getFilesDir(), "bundle");
        if (!folder.isDirectory() && !folder.mkdirs()) {
            throw new IOException(folder + " cannot be made");
        }
        try {
            JSONObject document = new JSONObject(json);
            JSONObject graphs = document.getJSONObject("graphs");
            for (Iterator<String> names = graphs.keys(); names.hasNext(); ) {
                String file = graphs.getJSONObject(names.next()).getString("file");
                copy(assets, file, document.getJSONObject("files").getString(file));
            }
        } catch (JSONException error) {
            throw new IOException("bundle.json is not as expected: " + error.getMessage(), error);
        }
    }

    String folder() {
        return folder.getPath();
    }

    String json() {
        return json;
    }

    /** A copy that is there already, from an earlier start, is left if it is the right one. */
    private void copy(AssetManager assets, String name, String sha256) throws IOException {
        if (name.contains("/") || name.contains("\\") || name.startsWith(".")) {
            throw new IOException("bundle.json names " + name + ": expected a plain file name");
        }
        File target = new File(folder, name);
        if (target.isFile()) {
            try (InputStream stream = new FileInputStream(target)) {
                if (digest(stream, null).equals(sha256)) {
                    return;
                }
            }
        }
        File part = new File(folder, name + ".part");
        try (InputStream stream = assets.open(ASSETS + name);
                OutputStream output = new FileOutputStream(part)) {
            if (!digest(stream, output).equals(sha256)) {
                throw new IOException(name + ": the file was changed or cut short");
            }
        }
        if (!part.renameTo(target)) {
            throw new IOException(target + " cannot be written");
        }
    }

    private static byte[] content(InputStream stream) throws IOException {
        ByteArrayOutputStream bytes = new ByteArrayOutputStream();
        digest(stream, bytes);
        return bytes.toByteArray();
    }

    /** Reads to the end, copies to `output` if there is one; the sha256 in hex digits. */
    private static String digest(InputStream stream, OutputStream output) throws IOException {
        try {
            MessageDigest digest = MessageDigest.getInstance("SHA-256");
            byte[] block = new byte[1 << 16];
            for (int count = stream.read(block); count > 0; count = stream.read(block)) {
                digest.update(block, 0, count);
                if (output != null) {
                    output.write(block, 0, count);
                }
            }
            StringBuilder hex = new StringBuilder();
            for (byte part : digest.digest()) {
                hex.append(String.format(Locale.ROOT, "%02x", part));
            }
            return hex.toString();
        } catch (NoSuchAlgorithmException error) {
            throw new IOException(error); // every Android has it
        }
    }
}
