package backends

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"time"
)

// Certificates are files for a server on the loopback address, all signed by one authority of their own.
type Certificates struct {
	CA                    string
	ServerCert, ServerKey string
	ClientCert, ClientKey string
	OtherCA               string // signed nothing: what must not be trusted
}

// certificateLife is longer than any test, and short enough that nobody builds on it.
const certificateLife = 30 * 24 * time.Hour

type authority struct {
	cert *x509.Certificate
	key  *ecdsa.PrivateKey
}

// MakeCertificates writes fresh ones into dir.
func MakeCertificates(dir string) (Certificates, error) {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return Certificates{}, err
	}
	at := func(name string) string { return filepath.Join(dir, name) }
	c := Certificates{CA: at("ca.crt"), ServerCert: at("server.crt"), ServerKey: at("server.key"),
		ClientCert: at("client.crt"), ClientKey: at("client.key"), OtherCA: at("other-ca.crt")}
	ca, err := makeAuthority(c.CA, "Breakwater test CA")
	if err != nil {
		return c, err
	}
	if _, err := makeAuthority(c.OtherCA, "another CA"); err != nil {
		return c, err
	}
	if err := ca.sign("server", c.ServerCert, c.ServerKey); err != nil {
		return c, err
	}
	return c, ca.sign("client", c.ClientCert, c.ClientKey)
}

func makeAuthority(file, name string) (authority, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return authority{}, err
	}
	template := template(name)
	template.IsCA, template.BasicConstraintsValid, template.KeyUsage = true, true, x509.KeyUsageCertSign|x509.KeyUsageCRLSign
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		return authority{}, err
	}
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		return authority{}, err
	}
	return authority{cert, key}, writePEM(file, "CERTIFICATE", der)
}

// sign writes a certificate for the loopback address and its key.
func (a authority) sign(name, certFile, keyFile string) error {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return err
	}
	template := template(name)
	template.DNSNames, template.IPAddresses = []string{"localhost"}, []net.IP{net.IPv4(127, 0, 0, 1)}
	template.KeyUsage = x509.KeyUsageDigitalSignature
	template.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth}
	der, err := x509.CreateCertificate(rand.Reader, template, a.cert, &key.PublicKey, a.key)
	if err != nil {
		return err
	}
	if err := writePEM(certFile, "CERTIFICATE", der); err != nil {
		return err
	}
	encoded, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return err
	}
	return writePEM(keyFile, "PRIVATE KEY", encoded)
}

func template(name string) *x509.Certificate {
	now := time.Now()
	return &x509.Certificate{
		SerialNumber: new(big.Int).SetInt64(now.UnixNano()), Subject: pkix.Name{CommonName: name},
		NotBefore: now.Add(-time.Hour), NotAfter: now.Add(certificateLife),
	}
}

func writePEM(file, kind string, der []byte) error {
	return os.WriteFile(file, pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der}), 0o600)
}
