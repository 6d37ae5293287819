package main

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"math/big"
	"net"
	"time"
)

// selfSigned makes a certificate for 127.0.0.1 that is its own authority, and its key, both in PEM.
func selfSigned(name string) (certificate, key []byte) {
	secret, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	must(err, "a key")
	template := &x509.Certificate{
		SerialNumber:          big.NewInt(time.Now().UnixNano()),
		Subject:               pkix.Name{CommonName: name},
		NotBefore:             time.Now().Add(-time.Hour),
		NotAfter:              time.Now().Add(24 * time.Hour),
		IsCA:                  true,
		BasicConstraintsValid: true,
		KeyUsage:              x509.KeyUsageDigitalSignature | x509.KeyUsageCertSign,
		ExtKeyUsage:           []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
		IPAddresses:           []net.IP{net.IPv4(127, 0, 0, 1)},
		DNSNames:              []string{"localhost"},
	}
	bytes, err := x509.CreateCertificate(rand.Reader, template, template, &secret.PublicKey, secret)
	must(err, "a certificate")
	private, err := x509.MarshalECPrivateKey(secret)
	must(err, "a key in DER")
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: bytes}), pem.EncodeToMemory(&pem.Block{Type: "EC PRIVATE KEY", Bytes: private})
}
