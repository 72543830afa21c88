"""A certificate authority of the tests' own, made by the openssl program."""
import os
import shutil
import subprocess

import pytest


class Authority:
    def __init__(self, directory, name="ca"):
        self.directory, self.name, self.count = str(directory), name, 0
        self.key, self.cert = self.path(name + ".key"), self.path(name + ".pem")
        self.run("req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "30", "-subj", f"/CN={name}",
                 "-keyout", self.key, "-out", self.cert)

    def path(self, name):
        return os.path.join(self.directory, name)

    @staticmethod
    def run(*args):
        subprocess.run(["openssl", *args], check=True, capture_output=True)

    def issue(self, names, days=30):
        """(certificate file, key file) for names like DNS:a, IP:127.0.0.1."""
        self.count += 1
        base = self.path(f"{self.name}-leaf{self.count}")
        with open(base + ".ext", "w") as f:
            f.write("subjectAltName=" + names + "\n")
        self.run("req", "-newkey", "rsa:2048", "-nodes", "-subj", "/CN=leaf", "-keyout", base + ".key", "-out", base + ".csr")
        self.run("x509", "-req", "-in", base + ".csr", "-CA", self.cert, "-CAkey", self.key, "-CAcreateserial",
                 "-days", str(days), "-extfile", base + ".ext", "-out", base + ".pem")
        return base + ".pem", base + ".key"


@pytest.fixture(scope="session")
def authority(tmp_path_factory):
    if not shutil.which("openssl"):
        pytest.skip("the openssl program is not there")
    return Authority(tmp_path_factory.mktemp("ca"))
