# SPDX-License-Identifier: Apache-2.0
"""What the programs say of themselves to shells (Tab) and to man."""
import os
import shutil
import subprocess
import unittest
from pathlib import Path

from cli import BIN

COMPLETIONS = Path(__file__).resolve().parent.parent / "packaging/completions"
PROGRAMS = [name for name in ("shoplens", "shoplens-train") if (BIN / name).exists()]


def output(*words, **options):
    environment = {**os.environ, "PATH": f"{BIN.resolve()}:{os.environ['PATH']}"}
    done = subprocess.run([*map(str, words)], capture_output=True, text=True, check=True, env=environment, **options)
    return done.stdout + done.stderr


def bash(line):
    """COMPREPLY after Tab at the end of `line`; "FILES" beside it when bash is told to add files."""
    script = f"""source {COMPLETIONS}/shoplens.bash
        compopt() {{ [[ $* == "-o default" ]] && echo FILES; }}
        COMP_LINE=$1 COMP_POINT=${{#1}} && _shoplens && printf '%s\\n' "${{COMPREPLY[@]}}" """
    return output("bash", "-c", script, "bash", line).split()


class Completion(unittest.TestCase):
    def test_bash_completes_verbs(self):
        self.assertEqual(bash("shoplens pre"), ["predict"])
        self.assertEqual(bash("shoplens index snap"), ["snapshot"])
        self.assertEqual(bash("shoplens frobnicate "), [])
        for verb in ("train", "export", "import", "index", "serve"):
            self.assertIn(verb, bash("shoplens "))

    def test_bash_completes_flags(self):
        self.assertEqual(bash("shoplens index build --mod"), ["--model", "--model-weight"])
        self.assertEqual(bash("shoplens serve --port 80 --dr"), ["--drain"])
        self.assertEqual(bash("shoplens predict --conf"), ["--config"])

    def test_bash_completes_values(self):
        self.assertEqual(bash("shoplens predict --vote "), ["top1", "weighted", "classes"])
        self.assertEqual(bash("shoplens predict --vote=w"), ["weighted"])
        self.assertEqual(bash("shoplens predict --gallery "), ["FILES"])
        self.assertEqual(bash("shoplens predict a\\ photo"), ["FILES"])
        self.assertEqual(bash("shoplens serve --port "), [])

    @unittest.skipUnless("shoplens-train" in PROGRAMS, "built without shoplens-train")
    def test_verbs_handed_over_are_completed_too(self):
        self.assertEqual(bash("shoplens train --epo"), ["--epochs"])
        self.assertIn("--weights", bash("shoplens import --"))

    @unittest.skipUnless(shutil.which("zsh"), "no zsh")
    def test_zsh(self):
        script = f"""_describe() {{ print -rl -- "${{candidates[@]}}" }}
            _files() {{ print FILES }}
            compset() {{ }}
            words=("$@") CURRENT=$# PREFIX=$words[-1]
            source {COMPLETIONS}/_shoplens"""
        zsh = lambda *words: output("zsh", "-fc", script, "zsh", "shoplens", *words).splitlines()
        self.assertIn("predict:name the products in photos, with their nearest gallery photos", zsh(""))
        self.assertEqual(zsh("serve", "--dr"), ["--drain:seconds that requests have to end in after SIGTERM"])
        self.assertEqual(zsh("predict", "--gallery", ""), ["FILES"])

    @unittest.skipUnless(shutil.which("fish"), "no fish")
    def test_fish(self):
        fish = lambda line: output("fish", "--no-config", "-c",
                                   f"source {COMPLETIONS}/shoplens.fish; complete -C '{line}'",
                                   cwd=COMPLETIONS).splitlines()
        self.assertEqual(fish("shoplens pre"), ["predict\tname the products in photos, with their nearest gallery photos"])
        self.assertEqual(sorted(fish("shoplens predict --vote ")), ["classes", "top1", "weighted"])
        self.assertEqual(fish("shoplens predict --gallery=shoplens.f"), ["--gallery=shoplens.fish"])


class ManPage(unittest.TestCase):
    def test_has_every_verb_and_flag(self):
        for program in PROGRAMS:
            page = output(BIN / program, "--help-man").replace("\\-", "-")
            for line in output(BIN / program, "--help-markdown").splitlines():
                if line.startswith("## "):
                    self.assertIn(f".SS {line[3:]}\n", page)
                elif line.startswith("| `--"):
                    self.assertIn(f"\\fB{line.split('`')[1]}\\fR", page)

    @unittest.skipUnless(shutil.which("groff"), "no groff")
    def test_is_sound_roff(self):
        for program in PROGRAMS:
            self.assertEqual(output("groff", "-man", "-ww", "-z", input=output(BIN / program, "--help-man")), "")


if __name__ == "__main__":
    unittest.main()
